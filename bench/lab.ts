import { fork } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeKey } from '../src/ssh/testing/make-key.ts';
import { startSshd, type Sshd } from '../src/ssh/testing/sshd.ts';
import { CpuAccount } from './cpu-account.ts';

/** One host of the benchmark. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly fingerprint: string;
  /** In the format of `known_hosts`, without the name. */
  readonly hostKey: string;
}

/** What contenders need to reach hosts. Everybody logs in as root with the same key. */
export interface Hosts {
  readonly targets: readonly Target[];
  readonly keyFile: string;
  /** For files that a contender writes once. Each set of hosts has its own. */
  readonly folder: string;
}

/** What is to be seen of one file system entry. */
export interface Entry {
  readonly mode: string;
  /** Undefined for anything but a regular file. */
  readonly content?: Buffer;
  /** Changes with whatever is done to it. */
  readonly mark: string;
}

/**
 * Real sshd on loopback, each with a host key, `/root`, `/run` and `/srv` of its own; and what can be seen of them from
 * outside.
 */
export class Lab {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'provision-bench-'));
  readonly #login = makeKey();
  readonly #keyFile = join(this.folder, 'key');
  readonly #servers: Sshd[] = [];
  readonly #cpu = new CpuAccount();
  readonly #proxies: { readonly ports: readonly number[]; readonly stop: () => Promise<void> }[] = [];

  constructor() {
    writeFileSync(this.#keyFile, this.#login.private, { mode: 0o600 });
  }

  /** So many hosts; with a delay, that many milliseconds away. */
  async hosts(count: number, delayMs = 0): Promise<Hosts> {
    const line = `${this.#login.parsed.type} ${this.#login.public.toString('base64')}`;
    while (this.#servers.length < count) {
      const server = await startSshd({
        users: { root: [line] },
        ownFolders: ['/root', '/run', '/srv'],
        configuration: ['Subsystem sftp /usr/lib/openssh/sftp-server'],
      });
      this.#servers.push(server);
      this.#cpu.add(server.pid);
    }
    const servers = this.#servers.slice(0, count);
    const ports = delayMs > 0 ? await this.#delayed(servers, delayMs) : servers.map(({ port }) => port);
    const folder = join(this.folder, `${count}-hosts-${delayMs}-ms`);
    mkdirSync(folder, { recursive: true });
    const targets = servers.map((server, index) => ({
      name: `host-${index}`,
      port: ports[index]!,
      fingerprint: server.fingerprint,
      hostKey: `ssh-ed25519 ${server.hostKey.toString('base64')}`,
    }));
    return { targets, keyFile: this.#keyFile, folder };
  }

  /** Removes everything that was made on the first hosts. */
  reset(count: number): void {
    for (const root of this.#roots(count))
      for (const name of readdirSync(join(root, 'srv')))
        rmSync(join(root, 'srv', name), { recursive: true, force: true });
  }

  /** Everything below a path of each of the first hosts, by its path. */
  look(count: number, below: string): ReadonlyMap<string, Entry>[] {
    return this.#roots(count).map((root) => {
      const found = new Map<string, Entry>();
      walk(root, below, found);
      return found;
    });
  }

  /** What a file holds on each of the first hosts. */
  read(count: number, path: string): (Buffer | undefined)[] {
    return this.look(count, path).map((found) => found.get(path)?.content);
  }

  /** Processor time that the hosts have used so far, in milliseconds, when their connections have ended. */
  async cpuMs(): Promise<number> {
    for (let tries = 0; tries < 60 && this.#servers.some(({ pid }) => hasChildren(pid)); tries++)
      await sleep(50);
    return this.#cpu.usedMs();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    await Promise.all(this.#servers.map((server) => server.stop()));
    await this.#cpu.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #roots(count: number): string[] {
    return this.#servers.slice(0, count).map(({ pid }) => `/proc/${pid}/root`);
  }

  async #delayed(servers: readonly Sshd[], delayMs: number): Promise<readonly number[]> {
    const child = fork(fileURLToPath(new URL('delay-proxies.ts', import.meta.url)), {
      execArgv: ['--import', 'jiti/register'],
    });
    child.send({ ports: servers.map(({ port }) => port), latencyMs: delayMs / 2 });
    const [ports] = (await once(child, 'message')) as [number[]];
    const stop = async () => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    };
    this.#proxies.push({ ports, stop });
    return ports;
  }
}

function walk(root: string, path: string, found: Map<string, Entry>): void {
  const state = lstatSync(root + path, { bigint: true, throwIfNoEntry: false });
  if (!state) return;
  const mode = (Number(state.mode) & 0o7777).toString(8).padStart(4, '0');
  const mark = `${state.ino} ${state.ctimeNs}`;
  found.set(path, { mode, mark, ...(state.isFile() && { content: readFileSync(root + path) }) });
  if (!state.isDirectory()) return;
  for (const name of readdirSync(root + path)) walk(root, `${path}/${name}`, found);
}

function hasChildren(pid: number): boolean {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim() !== '';
}
