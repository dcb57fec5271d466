import { ProvisionError } from '../core/errors.ts';
import type { LargeFile } from '../core/large-file.ts';
import { resource } from '../core/resource.ts';
import { fileChanges, findFile, type FoundFile, type WantedFile } from './file-changes.ts';
import { fileContent, type FileContent, type ReadLocalFile } from './file-content.ts';
import { checkHostFile } from './host-file-props.ts';

export type FileProps = FileAttributes & (ContentProps | SourceProps);

interface ContentProps {
  /** Text, bytes, a secret, or a file of the inventory. Of a secret no report shows more than that it differs. */
  readonly content: FileContent | ReadLocalFile;
  readonly source?: never;
}

interface SourceProps {
  /** A file of the controller of any size: a `largeFile()` of the inventory. Sent only when size or SHA-256 differ. */
  readonly source: LargeFile;
  readonly content?: never;
}

interface FileAttributes {
  /** Absolute path on the host. */
  readonly path: string;
  /** Four octal digits. Default `0644`. */
  readonly mode?: string;
  /** Default `root`. */
  readonly owner?: string;
  /** Default `root`. */
  readonly group?: string;
}

/**
 * A regular file with exactly this content, replaced as a whole. Its folder must exist. What is not told here (access
 * control lists, extended attributes) is not carried over from the file that was there; the SELinux label is that of the policy.
 * @throws ProvisionError `PLAYBOOK` for a path, mode or owner that makes no sense; when applied `UNSAFE_PATH`, `DISK_FULL`,
 *   `READ_ONLY`, and `LOCAL` when the source changes during the run
 * @example
 * file({ path: '/etc/motd', content: 'Managed by provision.\n' })
 * @example
 * // vars: { archive: largeFile() }: gigabytes are streamed, never whole in memory
 * file({ path: '/opt/images.tar', source: vars.archive })
 */
export const file = resource<FileProps, WantedFile, FoundFile>({
  kind: 'file',
  want: (props) => {
    const { source, content, ...attributes } = props;
    const want = {
      mode: '0644',
      owner: 'root',
      group: 'root',
      ...attributes,
      content: source ?? fileContent(content),
    };
    checkHostFile(want);
    return want;
  },
  id: (want) => want.path,
  read: (host, want) => findFile(host, want),
  diff: (have, want) => fileChanges(have, want, (aspect) => aspect),
  async apply(host, want, have) {
    if (have && have.type !== 'file') throw inTheWay(want.path, have.type);
    await host.writeFile(want.path, want.content, want);
  },
});

/** The error for something else where a file is wanted. It is never removed: it may be somebody's. */
export function inTheWay(path: string, type: FoundFile['type']): ProvisionError {
  const remedies = {
    directory: `remove it if it is empty (rmdir ${path}): Docker makes one when a file that it shall mount is missing`,
    link: 'use the path behind the link, or remove the link',
    other: 'find out what made it, and remove it',
    file: 'remove the file',
  };
  const names = {
    directory: 'a directory',
    link: 'a symbolic link',
    other: 'a special file',
    file: 'a file',
  };
  return new ProvisionError({
    code: type === 'link' ? 'UNSAFE_PATH' : 'STEP_FAILED',
    happened: `${names[type]} is in the way at ${path}`,
    hostState: 'nothing was changed',
    remedy: remedies[type],
  });
}
