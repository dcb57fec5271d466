import {
  chmodSync,
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import ssh2 from 'ssh2';
import type { SFTPWrapper } from 'ssh2';

const { OPEN_MODE, STATUS_CODE, flagsToString } = ssh2.utils.sftp;

interface Limits {
  readonly root?: string;
  readonly diskBytes?: number;
  /** What every folder seems to hold. */
  readonly names?: readonly string[];
}

/** The part of SFTP that uploads need, on the machine's own files, those below `root`; the disk is full after `diskBytes`. For tests only. */
export function serveFiles(sftp: SFTPWrapper, limits: Limits = {}): void {
  const { root = '', diskBytes = Infinity, names } = limits;
  let written = 0;
  const folders = new Map<number, string>();
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
    const filename = realpathSync(path === '.' ? '/tmp' : path);
    sftp.name(request, [{ filename, longname: filename, attrs: {} as never }]);
  });
  sftp.on('OPEN', (request, path, flags, attributes) => {
    try {
      const mode = flags & OPEN_MODE.EXCL ? 'wx' : (flagsToString(flags) ?? 'r');
      sftp.handle(request, handleFor(openSync(root + path, mode, attributes.mode)));
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
    const number = 0x4000_0000 + folders.size;
    folders.set(number, path);
    sftp.handle(request, handleFor(number));
  });
  sftp.on('READDIR', (request, handle) => {
    const path = folders.get(numberOf(handle));
    folders.set(numberOf(handle), '');
    if (!path) return void sftp.status(request, STATUS_CODE.EOF);
    sftp.name(
      request,
      (names ?? readdirSync(root + path)).map((filename) => ({
        filename,
        longname: filename,
        attrs: { mode: 0o600 } as never,
      })),
    );
  });
  sftp.on('CLOSE', (request, handle) => {
    reply(request, () => void (folders.has(numberOf(handle)) || closeSync(numberOf(handle))));
  });
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
