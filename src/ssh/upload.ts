import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { Script } from '../core/script.ts';
import { sh } from '../core/script.ts';
import type { Link } from './link.ts';
import { CannotCreate, Sftp } from './sftp.ts';
import type { Shell } from './shell.ts';
import { targetError } from './target.ts';

const timeoutMs = 60_000;
// Two thirds of a megabyte of base64: frames of a shell are kept whole in its memory.
const shellChunk = 512 * 1024;

/**
 * Brings bytes to new files on the host: by SFTP, or through the shell where the host has none, no room for it, or shows
 * it other files (chroot). Every name is unpredictable and made exclusively, so nothing can be planted in its place.
 */
export class Uploads {
  readonly #link: Link;
  readonly #shell: Shell;
  #sftp: Promise<Sftp | undefined> | undefined;
  #folder: Promise<string> | undefined;
  #sameFiles: boolean | undefined;
  /** Folders that the login user may not write to. */
  readonly #closedFolders = new Set<string>();

  constructor(link: Link, shell: Shell) {
    this.#link = link;
    this.#shell = shell;
  }

  async upload(content: Uint8Array, near: string): Promise<string> {
    this.#sftp ??= this.#openSftp();
    const sftp = await this.#sftp;
    if (!sftp) return this.#throughShell(content, near);
    const path = await this.#throughSftp(sftp, content, near);
    this.#sameFiles ??= await this.#shellSees(path, content.length);
    if (this.#sameFiles) return path;
    await sftp.remove(path);
    this.#giveUpSftp('SFTP shows other files than the shell (chroot)');
    return this.#throughShell(content, near);
  }

  /** Removes the private folder with whatever is left in it. Never rejects. */
  async close(): Promise<void> {
    const [sftp, folder] = await Promise.all([this.#sftp, this.#folder]).catch(() => []);
    if (sftp && folder)
      await sftp.removeFolder(folder).catch((error: unknown) => this.#link.debug(String(error)));
    sftp?.close();
  }

  async #openSftp(): Promise<Sftp | undefined> {
    try {
      return await Sftp.open(this.#link);
    } catch (error) {
      if (this.#link.lifeline.ended) throw error;
      this.#giveUpSftp(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #giveUpSftp(reason: string): void {
    this.#sftp = Promise.resolve(undefined);
    this.#link.debug(`no SFTP, files travel through the shell: ${reason}`);
  }

  async #throughSftp(sftp: Sftp, content: Uint8Array, near: string): Promise<string> {
    const beside = posix.dirname(near);
    if (!this.#closedFolders.has(beside)) {
      try {
        return await this.#write(sftp, beside, content);
      } catch (error) {
        if (!(error instanceof CannotCreate)) throw error;
        this.#closedFolders.add(beside);
      }
    }
    this.#folder ??= this.#makeFolder(sftp);
    return this.#write(sftp, await this.#folder, content);
  }

  async #write(sftp: Sftp, folder: string, content: Uint8Array): Promise<string> {
    const path = posix.join(folder, unpredictableName());
    try {
      await sftp.writeNew(path, content);
      return path;
    } catch (error) {
      if (error instanceof CannotCreate || this.#link.lifeline.ended) throw error;
      await sftp.remove(path).catch(() => undefined);
      throw await this.#whyNotWritten(sftp, folder, content.length, error);
    }
  }

  /** SFTP says nothing but "Failure" when a disk is full. */
  async #whyNotWritten(sftp: Sftp, folder: string, size: number, cause: unknown): Promise<Error> {
    const free = await sftp.freeBytes(folder);
    const full = free !== undefined && free < size;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const happened = full
      ? `no room for ${size} bytes in ${folder}: ${free} are free`
      : `upload to ${folder} failed: ${reason}`;
    return targetError(this.#link.target, full ? 'DISK_FULL' : 'STEP_FAILED', happened, {
      hostState: 'nothing was replaced',
      remedy: full ? 'free some space on the host' : 'check disk and quota on the host',
      cause,
    });
  }

  async #makeFolder(sftp: Sftp): Promise<string> {
    const folder = posix.join(await sftp.home(), unpredictableName());
    try {
      await sftp.makePrivateFolder(folder);
      return folder;
    } catch (error) {
      if (this.#link.lifeline.ended) throw error;
      throw targetError(
        this.#link.target,
        'STEP_FAILED',
        `${this.#link.target.user} has no folder to upload to`,
        {
          hostState: 'nothing was changed',
          remedy: `make the home folder of ${this.#link.target.user} writable on the host`,
          cause: error,
        },
      );
    }
  }

  async #shellSees(path: string, size: number): Promise<boolean> {
    const seen = await this.#run(sh`[ -f ${path} ] && wc -c <${path}`, 'find the uploaded file');
    return seen.code === 0 && Number(seen.stdout) === size;
  }

  async #throughShell(content: Uint8Array, near: string): Promise<string> {
    const name = unpredictableName();
    const made = await this.#run(makeFile(posix.dirname(near), name), 'make a file to upload to');
    const path = made.stdout;
    if (made.code !== 0 || !path.startsWith('/')) throw this.#notWritten(near, made.stderr);
    for (let at = 0; at < content.length; at += shellChunk) {
      const base64 = Buffer.from(content.subarray(at, at + shellChunk)).toString('base64');
      const appended = await this.#run(sh`base64 -d >>${path}`, `upload to ${path}`, base64);
      if (appended.code === 0) continue;
      await this.#run(sh`rm -f -- ${path}`, `remove ${path}`);
      throw this.#notWritten(near, appended.stderr);
    }
    await this.#run(sh`sync -- ${path} 2>/dev/null || sync`, `flush ${path}`);
    return path;
  }

  #notWritten(near: string, stderr: string): Error {
    const full = /no space left/i.test(stderr);
    return targetError(
      this.#link.target,
      full ? 'DISK_FULL' : 'STEP_FAILED',
      `upload to a place near ${near} failed`,
      {
        hostState: 'nothing was replaced',
        remedy: full ? 'free some space on the host' : 'check disk, quota and rights on the host',
        detail: stderr.slice(-2000),
      },
    );
  }

  #run(script: Script, doing: string, stdin?: string): ReturnType<Shell['execute']> {
    return this.#shell.execute(script, { doing, timeoutMs, ...(stdin !== undefined && { stdin }) });
  }
}

function unpredictableName(): string {
  return `.provision-${randomBytes(12).toString('hex')}`;
}

/** Prints the path of a new empty file: in the folder, else in a new private one. With -C a file is made or nothing is. */
function makeFile(folder: string, name: string): Script {
  return sh`
set -C
path=${folder}/${name}
if [ -d ${folder} ] && ( : >"$path" ) 2>/dev/null; then printf %s "$path"; exit; fi
for base in "$HOME" /run /var/lib; do
  path=$base/${name}/content
  if mkdir -m 700 -- "$base"/${name} 2>/dev/null && ( : >"$path" ); then printf %s "$path"; exit; fi
done
exit 1
`;
}
