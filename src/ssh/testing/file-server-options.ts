/** How a server of files differs from an honest one that has all the room in the world. */
export interface FileServerOptions {
  /** Folder that is shown as the root (chroot). */
  readonly root?: string;
  /** Bytes that can be written before the disk is full. */
  readonly diskBytes?: number;
  /** What the server says is the folder that a login starts in. Default `/tmp`. */
  readonly home?: string;
  /** Folders in which the login user may not make anything. */
  readonly closedFolders?: readonly string[];
  /** Kinds of requests that are never answered. */
  readonly silentAt?: readonly FileRequest[];
  /** Names that every folder has, in place of the true ones. */
  readonly names?: readonly string[];
  /** Names that are listed besides the ones that are there. */
  readonly listedToo?: readonly string[];
}

export type FileRequest =
  'REALPATH' | 'OPEN' | 'WRITE' | 'CLOSE' | 'MKDIR' | 'OPENDIR' | 'READDIR' | 'REMOVE' | 'RMDIR';
