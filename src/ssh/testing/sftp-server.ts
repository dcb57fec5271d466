import {
  chmodSync,
  closeSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { posix } from 'node:path';
import ssh2 from 'ssh2';
import type { SFTPWrapper } from 'ssh2';

import type { FileServerOptions } from './file-server-options.ts';

const { OPEN_MODE, STATUS_CODE, flagsToString } = ssh2.utils.sftp;

/** No more fit into a packet than OpenSSH takes, however long they are. */
const namesAtOnce = 100;

/** The part of SFTP that uploads need, on the machine's own files. For tests only. */
export function serveFiles(sftp: SFTPWrapper, options: FileServerOptions = {}): void {
  const { root = '', diskBytes = Infinity, home = realpathSync('/tmp'), closedFolders = [] } = options;
  let written = 0;
  const open = new Set<number>();
  const folders = new Map<number, { readonly path: string; readonly names: string[] }>();
  const numberOf = (handle: Buffer) => handle.readUInt32BE(0);
  const reply = (request: number, work: () => void) => {
    try {
      work();
      sftp.status(request, STATUS_CODE.OK);
    } catch (error) {
      sftp.status(request, statusOf(error));
    }
  };
  sftp.on('REALPATH', (request, path) => {
    const filename = path === '.' ? home : realpathSync(path);
    sftp.name(request, [{ filename, longname: filename, attrs: {} as never }]);
  });
  sftp.on('OPEN', (request, path, flags, attributes) => {
    try {
      const mode = flags & OPEN_MODE.EXCL ? 'wx' : (flagsToString(flags) ?? 'r');
      if (closedFolders.includes(posix.dirname(path))) throw Object.assign(new Error(), { code: 'EACCES' });
      const file = openSync(root + path, mode, attributes.mode);
      open.add(file);
      sftp.handle(request, handleFor(file));
    } catch (error) {
      sftp.status(request, statusOf(error));
    }
  });
  sftp.on('WRITE', (request, handle, offset, data) => {
    written += data.length;
    if (written > diskBytes) return void sftp.status(request, STATUS_CODE.FAILURE);
    reply(request, () => void writeSync(numberOf(handle), data, 0, data.length, offset));
  });
  sftp.on('FSETSTAT', (request, handle, { mode }) =>
    reply(request, () => fchmodSync(numberOf(handle), mode)),
  );
  sftp.on('SETSTAT', (request, path, { mode }) => reply(request, () => chmodSync(root + path, mode)));
  sftp.on('MKDIR', (request, path, { mode }) => reply(request, () => mkdirSync(root + path, { mode })));
  sftp.on('REMOVE', (request, path) => reply(request, () => unlinkSync(root + path)));
  sftp.on('RMDIR', (request, path) => reply(request, () => rmdirSync(root + path)));
  sftp.on('OPENDIR', (request, path) => {
    if (!lstatSync(root + path, { throwIfNoEntry: false })?.isDirectory())
      return void sftp.status(request, STATUS_CODE.NO_SUCH_FILE);
    const number = 0x4000_0000 + folders.size;
    const names = options.names ?? [...readdirSync(root + path), ...(options.listedToo ?? [])];
    folders.set(number, { path, names: [...names] });
    sftp.handle(request, handleFor(number));
  });
  sftp.on('READDIR', (request, handle) => {
    const folder = folders.get(numberOf(handle));
    const names = folder?.names.splice(0, namesAtOnce) ?? [];
    if (!folder || names.length === 0) return void sftp.status(request, STATUS_CODE.EOF);
    sftp.name(
      request,
      names.map((filename) => ({
        filename,
        longname: `${letterOf(root + folder.path, filename)}rw------- 1 0 0 0 Jan 1 00:00 ${filename}`,
        attrs: { mode: 0o600 } as never,
      })),
    );
  });
  sftp.on('CLOSE', (request, handle) => {
    reply(request, () => void (folders.has(numberOf(handle)) || close(numberOf(handle))));
  });
  const close = (file: number) => void (open.delete(file) && closeSync(file));
  sftp.on('close', () => open.forEach(close));
  for (const kind of options.silentAt ?? []) sftp.removeAllListeners(kind).on(kind, () => undefined);
}

/** The first letter of what `ls -l` shows. What is made up is a folder: the worst that it could be. */
function letterOf(folder: string, name: string): string {
  // It may be a name that no file system takes.
  if (name.includes('\0') || name.length > 255) return 'd';
  const state = lstatSync(posix.join(folder, name), { throwIfNoEntry: false });
  if (!state || state.isDirectory()) return 'd';
  return state.isSymbolicLink() ? 'l' : '-';
}

function handleFor(number: number): Buffer {
  const handle = Buffer.alloc(4);
  handle.writeUInt32BE(number);
  return handle;
}

function statusOf(error: unknown): number {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return STATUS_CODE.NO_SUCH_FILE;
  return code === 'EACCES' || code === 'EPERM' ? STATUS_CODE.PERMISSION_DENIED : STATUS_CODE.FAILURE;
}
