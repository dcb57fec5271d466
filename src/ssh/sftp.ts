import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type { SFTPWrapper, WriteStream } from 'ssh2';
import SftpClient from 'ssh2-sftp-client';
import type { Link } from './link.ts';

// ssh2 sends what waits in the stream all at once: this many requests of 32 kB are on their way at a time.
const pipelinedRequests = 16;
const requestSize = 32 * 1024;

/** There is already something of that name, or the login user may not write there. */
export class CannotCreate extends Error {}

/**
 * ssh2-sftp-client on a connection that is already there, with its holes closed: every call ends with the connection,
 * nothing existing is ever opened for writing, and what was written is on the disk before it counts.
 */
export class Sftp {
  readonly #link: Link;
  readonly #client: SftpClient;
  readonly #wrapper: SFTPWrapper;

  private constructor(link: Link, client: SftpClient, wrapper: SFTPWrapper) {
    this.#link = link;
    this.#client = client;
    this.#wrapper = wrapper;
  }

  /** Rejects with the error of ssh2 when the host has no SFTP subsystem or no room for another session. */
  static async open(link: Link): Promise<Sftp> {
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
    return new Sftp(link, client, wrapper);
  }

  /** Absolute path of the folder that a login starts in. */
  home(): Promise<string> {
    return this.#guard(this.#client.realPath('.'), 'find the home folder');
  }

  /** A new folder with mode 0700. Rejects when there is anything of that name. */
  makePrivateFolder(path: string): Promise<void> {
    const made = new Promise<void>((resolve, reject) => {
      this.#wrapper.mkdir(path, { mode: 0o700 }, (error) => (error ? reject(error) : resolve()));
    });
    return this.#guard(made, `make ${path}`);
  }

  /** A new file with mode 0600 from its first byte, flushed to the disk. Rejects with `CannotCreate` or what the server said. */
  async writeNew(path: string, content: Uint8Array): Promise<void> {
    const doing = `upload to ${path}`;
    const stream = this.#client.createWriteStream(path, {
      flags: 'wx',
      mode: 0o600,
      autoClose: false,
      highWaterMark: pipelinedRequests * requestSize,
    });
    try {
      await this.#guard(pour(stream, content), doing);
      await this.#flush(stream, doing);
    } finally {
      stream.destroy();
    }
  }

  /** Free bytes for this user in the file system of a path, or undefined when the server does not tell. */
  freeBytes(path: string): Promise<number | undefined> {
    const asked = new Promise<number | undefined>((resolve) => {
      this.#wrapper.ext_openssh_statvfs(
        path,
        (error, info: { f_bavail: number; f_frsize: number } | undefined) => {
          resolve(error || !info ? undefined : info.f_bavail * info.f_frsize);
        },
      );
    });
    return this.#guard(asked, `measure ${path}`).catch(() => undefined);
  }

  async remove(path: string): Promise<void> {
    await this.#guard(this.#client.delete(path, true), `remove ${path}`);
  }

  async removeFolder(path: string): Promise<void> {
    const listed = await this.#guard(this.#client.list(path), `list ${path}`);
    // Names come from the host: only what is a plain name is put behind the path.
    const names = listed
      .map(({ name }) => name)
      .filter((name) => posix.basename(name) === name && name !== '..');
    for (const name of names) await this.remove(posix.join(path, name));
    const removed = new Promise<void>((resolve, reject) => {
      this.#wrapper.rmdir(path, (error) => (error ? reject(error) : resolve()));
    });
    await this.#guard(removed, `remove ${path}`);
  }

  close(): void {
    this.#wrapper.end();
  }

  async #flush(stream: WriteStream, doing: string): Promise<void> {
    const { handle } = stream as unknown as { handle?: Buffer };
    if (!handle) return;
    const flushed = new Promise<void>((resolve, reject) => {
      this.#wrapper.ext_openssh_fsync(handle, (error) => (error ? reject(error) : resolve()));
    });
    // ssh2 throws when the server does not know fsync; such a server leaves nothing better to do.
    const unsupported = /does not support|unsupported/i;
    await this.#guard(flushed, doing).catch((error: unknown) => {
      if (!(error instanceof Error && unsupported.test(error.message))) throw error;
      this.#link.debug('the SFTP server has no fsync');
    });
  }

  #guard<T>(work: Promise<T>, doing: string): Promise<T> {
    return this.#link.lifeline.guard(work, doing);
  }
}

/** Rejects with `CannotCreate` when the file could not be made, with the error of the server when it could not be filled. */
function pour(stream: WriteStream, content: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    let opened = false;
    stream.on('error', (error: Error) => reject(opened ? error : new CannotCreate(error.message)));
    stream.once('finish', resolve);
    // Of several requests that fail together, ssh2 reports none: it only closes the file.
    stream.once('close', () => reject(new Error('the host did not take all bytes')));
    // Through pipe and not at once: it waits when as many requests are on their way as the stream may hold.
    stream.once('open', () => {
      opened = true;
      Readable.from(slices(content)).pipe(stream);
    });
  });
}

function* slices(content: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < content.length; at += requestSize) {
    yield Buffer.from(content.buffer, content.byteOffset + at, Math.min(requestSize, content.length - at));
  }
}
