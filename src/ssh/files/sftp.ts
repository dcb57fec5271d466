import { posix } from 'node:path';
import type { SFTPWrapper } from 'ssh2';
import SftpClient from 'ssh2-sftp-client';
import type { LargeFile } from '../../core/large-file.ts';
import { hostPathProblem } from '../../host/host-path.ts';
import type { Link } from '../link.ts';
import { inPieces } from './pieces.ts';
import { sendInFlight } from './send-in-flight.ts';
import { targetError } from '../target.ts';

// A channel takes packets of 32 kB. With a request and its head in one of them, or in four, none is sent for a few bytes more.
const requestSize = 31 * 1024;
/** OpenSSH takes requests of up to 256 kB, and each one costs both sides an answer. */
const largeRequestSize = 127 * 1024;

/** There is already something of that name, or the login user may not write there. */
export class CannotCreate extends Error {}

/** A file that was just made, empty and with mode 0600. */
export interface NewFile {
  readonly path: string;
  readonly handle: Buffer;
}

/** What a file system has left for this user. */
export interface FreeSpace {
  readonly bytes: number;
  /** Tells two file systems apart. */
  readonly id: string;
}

/**
 * ssh2-sftp-client on a connection that is already there, with its holes closed: every call ends with the connection or
 * after `deadlineMs` without an answer, nothing existing is ever opened for writing, and what was written is on the disk
 * before it counts. What a server says about names and paths is looked at before it is used.
 */
export class Sftp {
  readonly #link: Link;
  readonly #deadlineMs: number;
  readonly #client: SftpClient;
  readonly #wrapper: SFTPWrapper;

  private constructor(link: Link, deadlineMs: number, client: SftpClient, wrapper: SFTPWrapper) {
    this.#link = link;
    this.#deadlineMs = deadlineMs;
    this.#client = client;
    this.#wrapper = wrapper;
  }

  /** Rejects with the error of ssh2 when the host has no SFTP subsystem or no room for another session. */
  static async open(link: Link, deadlineMs: number): Promise<Sftp> {
    const wrapper = await link.channels.session<SFTPWrapper>(
      (done) => void link.client.sftp(done),
      'open SFTP',
    );
    wrapper.on('error', () => undefined);
    // By default it prints its own notes about the connection to our standard output.
    const silent = { error: () => undefined, end: () => undefined, close: () => undefined };
    const client = new SftpClient('provision', silent);
    // Fields, not API: with them it works on our connection and makes none of its own. The versions are pinned.
    Object.assign(client, { client: link.client, sftp: wrapper });
    return new Sftp(link, deadlineMs, client, wrapper);
  }

  /** Absolute path of the folder that a login starts in. Rejects when the server names something that is no path. */
  async home(): Promise<string> {
    const doing = 'find the home folder';
    const path = await this.#guard(this.#client.realPath('.'), doing);
    const problem = hostPathProblem(path);
    if (problem !== undefined) throw new Error(`the home folder as SFTP tells it ${problem}`);
    return path;
  }

  /** A new folder with mode 0700. Rejects when there is anything of that name. */
  makePrivateFolder(path: string): Promise<void> {
    return this.#call((done) => this.#wrapper.mkdir(path, { mode: 0o700 }, done), `make ${path}`);
  }

  /** A new file with mode 0600 from its first byte. Rejects with `CannotCreate` when the server says no. */
  async create(path: string): Promise<NewFile> {
    const opened = this.#call<Buffer>(
      (done) => this.#wrapper.open(path, 'wx', { mode: 0o600 }, done),
      `make ${path}`,
    );
    const handle = await opened.catch((error: unknown) => {
      throw isRefusal(error) ? new CannotCreate(String(error)) : error;
    });
    return { path, handle };
  }

  /** Fills a new file, flushes it to the disk and closes it. */
  async fill(
    { path, handle }: NewFile,
    content: Uint8Array | LargeFile,
    onProgress?: (bytes: number) => void,
  ): Promise<void> {
    const doing = `upload to ${path}`;
    try {
      const sent = sendInFlight({
        pieces: inPieces(content, this.#requestSize()),
        stallMs: this.#deadlineMs,
        send: (piece, at, done) => this.#wrapper.write(handle, piece, 0, piece.length, at, done),
        onStall: () => this.#silent(doing),
        finish: () => this.#finish(handle),
        ...(onProgress && { onProgress }),
      });
      await this.#link.lifeline.guard(sent, doing);
    } catch (error) {
      this.#close(handle).catch(() => undefined);
      throw error;
    }
  }

  /** A server takes the requests of a session in their order, so these need not wait for the answers to those before. */
  async #finish(handle: Buffer): Promise<void> {
    // Network file systems tell at the close, and not before, what they could not keep.
    await Promise.all([this.#flush(handle), this.#close(handle)]);
  }

  #close(handle: Buffer): Promise<void> {
    return called((done) => this.#wrapper.close(handle, done));
  }

  /** What is free where a path is, or undefined when the server does not tell. */
  freeSpace(path: string): Promise<FreeSpace | undefined> {
    const asked = this.#call<{ f_bavail: number; f_frsize: number; f_fsid: unknown }>(
      (done) => this.#wrapper.ext_openssh_statvfs(path, done as never),
      `measure ${path}`,
    );
    return asked.then(
      (told) => ({ bytes: told.f_bavail * told.f_frsize, id: String(told.f_fsid) }),
      () => undefined,
    );
  }

  async remove(path: string): Promise<void> {
    await this.#guard(this.#client.delete(path, true), `remove ${path}`);
  }

  /** Names of the folders in a folder, as far as they are plain ones of the wanted form: no links to folders. */
  async folders(path: string, form: RegExp): Promise<string[]> {
    return (await this.#list(path, form)).filter(({ type }) => type === 'd').map(({ name }) => name);
  }

  /** Removes a folder with the files of the given form in it; what else is there stays, and the folder with it. */
  async removeFolder(path: string, form: RegExp): Promise<void> {
    for (const { name } of await this.#list(path, form)) await this.remove(posix.join(path, name));
    await this.#call((done) => this.#wrapper.rmdir(path, done), `remove ${path}`);
  }

  close(): void {
    this.#wrapper.end();
  }

  #requestSize(): number {
    // A field, not API, and made by ssh2 from how the server calls itself. The version is pinned.
    const { _maxWriteLen: most } = this.#wrapper as SFTPWrapper & { readonly _maxWriteLen?: number };
    return most !== undefined && most > largeRequestSize ? largeRequestSize : requestSize;
  }

  /** A host may send anything as a name. */
  async #list(path: string, form: RegExp): Promise<{ name: string; type: string }[]> {
    const listed = await this.#guard(this.#client.list(path), `list ${path}`);
    return listed.filter(({ name }) => form.test(name) && isPlainName(name));
  }

  async #flush(handle: Buffer): Promise<void> {
    const flushed = called((done) => this.#wrapper.ext_openssh_fsync(handle, done));
    // ssh2 throws when the server does not know fsync. The script that puts the file in its place flushes it too.
    const unsupported = /does not support|unsupported/i;
    await flushed.catch((error: unknown) => {
      if (!(error instanceof Error && unsupported.test(error.message))) throw error;
      this.#link.debug('the SFTP server has no fsync');
    });
  }

  #call<T = void>(
    start: (done: (error?: Error | null, value?: T) => void) => unknown,
    doing: string,
  ): Promise<T> {
    return this.#guard(called(start), doing);
  }

  #guard<T>(work: Promise<T>, doing: string): Promise<T> {
    const answered = new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#silent(doing)), this.#deadlineMs);
      work.finally(() => clearTimeout(timer)).then(resolve, reject);
    });
    return this.#link.lifeline.guard(answered, doing);
  }

  #silent(doing: string): Error {
    const seconds = this.#deadlineMs / 1000;
    return targetError(this.#link.target, 'STEP_TIMEOUT', `"${doing}" got no answer for ${seconds} s`, {
      hostState: 'nothing was replaced',
      remedy: 'find out what the host waits for: a disk or a network file system that hangs',
    });
  }
}

/** A call of ssh2 that ends with a callback, however long that takes. */
function called<T = void>(start: (done: (error?: Error | null, value?: T) => void) => unknown): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}

/** Whether the server answered with a status, in distinction to an end of the session. */
function isRefusal(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' && code >= 2 && code <= 5;
}

function isPlainName(name: string): boolean {
  return !/[\0-\x1f\x7f/]/.test(name) && name !== '.' && name !== '..' && name.length <= 255;
}
