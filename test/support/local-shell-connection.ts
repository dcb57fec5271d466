import { spawn } from 'node:child_process';
import { mkdtemp, open } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { ProvisionError } from '../../src/core/errors.ts';
import type { Output } from '../../src/core/host.ts';
import type { Script } from '../../src/core/script.ts';
import { Secret } from '../../src/core/secret.ts';
import type { LargeFile } from '../../src/core/large-file.ts';
import { isLargeFile } from '../../src/core/large-file.ts';
import type { Connection, ExecuteOptions, UploadOptions } from '../../src/host/connection.ts';
import { tempName } from '../../src/host/temp-name.ts';

export interface LocalShellOptions {
  /** The shell and its first arguments. Default `/bin/sh`. */
  readonly shell?: readonly [string, ...string[]];
  /** Folders that are searched for tools before the usual ones. */
  readonly path?: string;
  /** Puts uploads beside their target, as for a login user who may write there. */
  readonly uploadBeside?: boolean;
  /** Shell text that runs before each script: it may replace a tool by a function. */
  readonly prelude?: string;
}

/** A connection to this machine: scripts run in a real shell with the rights of the test. */
export class LocalShellConnection implements Connection {
  readonly scripts: string[] = [];
  readonly uploads: string[] = [];
  readonly options: LocalShellOptions;
  /** As the option; one that kills the shell makes the connection a lost one. */
  prelude: string;
  #isLost = false;

  constructor(options: LocalShellOptions = {}) {
    this.options = options;
    this.prelude = options.prelude ?? '';
  }

  /** A new connection to the same machine, as the next run has it. */
  revive(): void {
    this.#isLost = false;
    this.prelude = '';
  }

  execute(script: Script, { stdin }: ExecuteOptions): Promise<Output> {
    this.scripts.push(script.text);
    if (this.#isLost) return Promise.reject(lost('earlier'));
    const [program, ...first] = this.options.shell ?? ['/bin/sh'];
    const text = `${this.prelude}\n${script.text}`;
    return new Promise((resolve, reject) => {
      const path = [this.options.path, process.env['PATH']].filter(Boolean).join(':');
      const child = spawn(program, [...first, '-c', text], {
        env: { ...process.env, PATH: path },
        timeout: 60_000,
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
      child.stdin.on('error', () => undefined);
      child.stdin.end(stdin instanceof Secret ? stdin.reveal() : stdin);
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === null) {
          this.#isLost = true;
          reject(lost(`by ${signal}`));
        } else
          resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
      });
    });
  }

  async upload(
    content: Uint8Array | LargeFile,
    near: string,
    { after }: UploadOptions = {},
  ): Promise<string> {
    await after;
    const folder = this.options.uploadBeside ? dirname(near) : await mkdtemp(join(tmpdir(), 'upload-'));
    const path = join(folder, tempName(basename(near)));
    const file = await open(path, 'wx', 0o600);
    if (isLargeFile(content)) for await (const piece of content.read()) await file.write(piece);
    else await file.writeFile(content);
    await file.close();
    this.uploads.push(path);
    return path;
  }

  dial(address: string, port: number): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, address, () => resolve(socket));
      socket.once('error', ({ message }) => {
        reject(new ProvisionError({ code: 'CONN_REFUSED', happened: message }));
      });
    });
  }

  async close(): Promise<void> {
    // Nothing is kept open.
  }
}

function lost(how: string): ProvisionError {
  return new ProvisionError({ code: 'CONN_LOST', happened: `the shell was killed ${how}` });
}
