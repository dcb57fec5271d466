import { posix } from 'node:path';
import { ProvisionError } from '../../core/errors.ts';
import type { LargeFile } from '../../core/large-file.ts';
import { sh } from '../../core/script.ts';
import type { UploadOptions } from '../../host/connection.ts';
import { tempName } from '../../host/temp-name.ts';
import type { Link } from '../link.ts';
import {
  findDeadFolders,
  privateFolderForm,
  privateFolderName,
  uploadedForm,
  uploadedName,
} from './private-folder.ts';
import { CannotCreate, Sftp, type NewFile } from './sftp.ts';
import { ShellUploads } from './shell-upload.ts';
import type { Shell } from '../shell/shell.ts';
import { targetError } from '../target.ts';

type Content = Uint8Array | LargeFile;

const timeoutMs = 60_000;

/**
 * Brings bytes to new files on the host: by SFTP, or through the shell where the host has none, no room for it, or shows
 * it other files (chroot). Every name is unpredictable and made exclusively, so nothing can be planted in its place.
 */
export class Uploads {
  readonly #link: Link;
  readonly #shell: Shell;
  readonly #stallMs: number;
  readonly #throughShell: ShellUploads;
  #sftp: Promise<Sftp | undefined> | undefined;
  #folder: Promise<string> | undefined;
  #sameFiles: boolean | undefined;
  /** Folders that the login user may not write to. */
  readonly #closedFolders = new Set<string>();

  constructor(link: Link, shell: Shell, stallMs = timeoutMs) {
    this.#link = link;
    this.#shell = shell;
    this.#stallMs = stallMs;
    this.#throughShell = new ShellUploads(link, shell);
  }

  async upload(content: Content, near: string, options: UploadOptions = {}): Promise<string> {
    this.#sftp ??= this.#openSftp();
    const [sftp] = await Promise.all([this.#sftp, options.after]);
    if (!sftp) return this.#throughShell.upload(content, near, options);
    try {
      const file = await this.#create(sftp, content, near);
      this.#sameFiles ??= await this.#shellSees(file.path);
      if (this.#sameFiles) return await this.#fill(sftp, file, content, options);
      await sftp.remove(file.path);
      this.#giveUpSftp('SFTP shows other files than the shell (chroot)');
    } catch (error) {
      // A session that has failed may not answer any more: the next upload has one of its own.
      if (error instanceof CannotCreate) this.#giveUpSftp(error.message);
      else this.#sftp = undefined;
      sftp.close();
      if (!(error instanceof CannotCreate)) throw error;
    }
    return this.#throughShell.upload(content, near, options);
  }

  /** Removes the private folders with whatever is left in them. Never rejects. */
  async close(): Promise<void> {
    await this.#throughShell.close();
    const [sftp, folder] = await Promise.all([this.#sftp, this.#folder]).catch(() => []);
    if (sftp && folder)
      await sftp
        .removeFolder(folder, uploadedForm)
        .catch((error: unknown) => this.#link.debug(String(error)));
    sftp?.close();
  }

  async #openSftp(): Promise<Sftp | undefined> {
    try {
      return await Sftp.open(this.#link, this.#stallMs);
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

  async #create(sftp: Sftp, content: Content, near: string): Promise<NewFile> {
    const beside = posix.dirname(near);
    if (!this.#closedFolders.has(beside)) {
      try {
        return await sftp.create(posix.join(beside, tempName(posix.basename(near))));
      } catch (error) {
        if (!(error instanceof CannotCreate)) throw error;
        this.#closedFolders.add(beside);
      }
    }
    this.#folder ??= this.#makeFolder(sftp).catch((error: unknown) => {
      this.#folder = undefined;
      throw error;
    });
    const folder = await this.#folder;
    await this.#requireRoom(sftp, folder, beside, content);
    return sftp.create(posix.join(folder, uploadedName()));
  }

  async #fill(sftp: Sftp, file: NewFile, content: Content, { onProgress }: UploadOptions): Promise<string> {
    try {
      await sftp.fill(file, content, onProgress);
      return file.path;
    } catch (error) {
      if (this.#link.lifeline.ended) throw error;
      throw await this.#whyNotFilled(sftp, file, content, error);
    }
  }

  /** SFTP says nothing but "Failure" when a disk is full. */
  async #whyNotFilled(sftp: Sftp, { path }: NewFile, content: Content, cause: unknown): Promise<unknown> {
    if (cause instanceof ProvisionError && cause.code === 'STEP_TIMEOUT') return cause;
    await sftp.remove(path).catch(() => undefined);
    if (cause instanceof ProvisionError) return cause;
    const folder = posix.dirname(path);
    const free = (await sftp.freeSpace(folder))?.bytes;
    if (free !== undefined && free < sizeOf(content)) return this.#full(folder, free, sizeOf(content));
    const reason = cause instanceof Error ? cause.message : String(cause);
    return targetError(this.#link.target, 'STEP_FAILED', `upload to ${folder} failed: ${reason}`, {
      hostState: 'nothing was replaced',
      remedy: 'check disk and quota on the host',
      cause,
    });
  }

  /** The room beside the target was looked at by whoever writes it. From a private folder the bytes are copied there. */
  async #requireRoom(sftp: Sftp, folder: string, beside: string, content: Content): Promise<void> {
    const [here, there] = await Promise.all([sftp.freeSpace(folder), sftp.freeSpace(beside)]);
    if (!here) return;
    const need = sizeOf(content) * (there && there.id === here.id ? 2 : 1);
    if (here.bytes < need) throw this.#full(folder, here.bytes, need);
  }

  #full(folder: string, free: number, need: number): Error {
    return targetError(
      this.#link.target,
      'DISK_FULL',
      `no room for ${need} bytes in ${folder}: ${free} are free`,
      { hostState: 'nothing was replaced', remedy: 'free some space on the host' },
    );
  }

  async #makeFolder(sftp: Sftp): Promise<string> {
    try {
      const home = await sftp.home();
      const known = await sftp.folders(home, privateFolderForm);
      const { pid, dead } = await findDeadFolders(this.#shell, known);
      for (const name of dead)
        await sftp
          .removeFolder(posix.join(home, name), uploadedForm)
          .catch((error: unknown) => this.#link.debug(String(error)));
      const folder = posix.join(home, privateFolderName(pid));
      await sftp.makePrivateFolder(folder);
      return folder;
    } catch (error) {
      if (this.#link.lifeline.ended || error instanceof ProvisionError) throw error;
      throw new CannotCreate(`no folder to upload to: ${String(error)}`);
    }
  }

  async #shellSees(path: string): Promise<boolean> {
    const options = { doing: 'find the uploaded file', timeoutMs };
    return (await this.#shell.execute(sh`[ -f ${path} ]`, options)).code === 0;
  }
}

function sizeOf(content: Content): number {
  return content instanceof Uint8Array ? content.length : content.size;
}
