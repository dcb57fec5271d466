import { throwProblems, type Problem } from '../core/errors.ts';
import type { LocalFolder } from '../core/local-folder.ts';
import { callSite } from '../core/source.ts';
import { hostPathProblem } from '../host/host-path.ts';
import type { FileContent, ReadLocalFile } from './file-content.ts';
import { checkHostFile } from './host-file-props.ts';

/** One file of a tree: its content, or with a mode of its own. */
export type TreeFile = FileContent | (ReadLocalFile & { readonly mode?: string });

export type FileTreeProps = TreeAttributes & (FilesProps | SourceProps);

interface FilesProps {
  /** By their paths below `path`, such as `conf/site.conf`. Of a secret no report shows more than that it differs. */
  readonly files: Readonly<Record<string, TreeFile>>;
  readonly source?: never;
}

interface SourceProps {
  /** A folder of the controller: a `localFolder()` of the inventory. A file that is executable there is so on the host. */
  readonly source: LocalFolder;
  readonly files?: never;
}

interface TreeAttributes {
  /** Absolute path of the folder on the host. */
  readonly path: string;
  /** Of files that have none of their own, four octal digits. Default `0644`. */
  readonly mode?: string;
  /** Of the folder and all folders in it that files are in. Default `0755`. */
  readonly directoryMode?: string;
  /** Of everything. Default `root`. */
  readonly owner?: string;
  /** Of everything. Default `root`. */
  readonly group?: string;
  /** Removes everything else below the folder. Default `false`: what is there besides is not looked at. */
  readonly purge?: boolean;
}

/** A tree as it shall be. */
export interface WantedTree {
  readonly path: string;
  readonly directoryMode: string;
  readonly owner: string;
  readonly group: string;
  readonly purge: boolean;
  /** Absolute, each after the folder that it is in; the first one is the tree's own. */
  readonly directories: readonly string[];
  readonly files: readonly WantedTreeFile[];
}

export interface WantedTreeFile {
  /** Absolute. */
  readonly path: string;
  /** Below the folder of the tree. */
  readonly name: string;
  readonly content: FileContent;
  readonly mode: string;
}

// All of them are in memory, and their names in one script.
const mostFiles = 2000;

/** @throws ProvisionError `PLAYBOOK` with everything that makes no sense */
export function wantedTree(props: FileTreeProps): WantedTree {
  const {
    path,
    mode = '0644',
    directoryMode = '0755',
    owner = 'root',
    group = 'root',
    purge = false,
  } = props;
  const given = props.source ? filesOf(props.source, mode) : Object.entries(props.files);
  checkHostFile({ path, mode, owner, group });
  checkHostFile({ path, mode: directoryMode, owner, group });
  const files = given.map(([name, file]): WantedTreeFile => {
    const { content, mode: own = mode } = isWithMode(file) ? file : { content: file };
    return { path: `${path}/${name}`, name, content, mode: own };
  });
  const directories = new Set([path]);
  for (const file of files)
    for (let at = path.length; at >= 0; at = file.path.indexOf('/', at + 1))
      directories.add(file.path.slice(0, at));
  refuseNonsense(path, files, directories);
  return { path, directoryMode, owner, group, purge, directories: [...directories], files };
}

function filesOf({ files }: LocalFolder, mode: string): [string, TreeFile][] {
  // Whoever may read it may run it.
  const executable = (Number.parseInt(mode, 8) | ((Number.parseInt(mode, 8) & 0o444) >> 2))
    .toString(8)
    .padStart(4, '0');
  return Object.entries(files).map(([name, file]) => [
    name,
    { content: file.content, mode: file.executable ? executable : mode },
  ]);
}

function isWithMode(file: TreeFile): file is ReadLocalFile & { readonly mode?: string } {
  return typeof file === 'object' && 'content' in file;
}

function refuseNonsense(
  path: string,
  files: readonly WantedTreeFile[],
  directories: ReadonlySet<string>,
): void {
  const problems: Problem[] = [];
  const refuse = (happened: string, remedy: string) =>
    problems.push({ code: 'PLAYBOOK', at: callSite(), happened, remedy });
  if (files.length > mostFiles)
    refuse(
      `${files.length} files are more than a fileTree takes`,
      `give it ${mostFiles} at most, and split what is larger`,
    );
  for (const file of files) {
    const fault = hostPathProblem(file.path) ?? nameProblem(file.name);
    if (fault !== undefined)
      refuse(
        `the name ${JSON.stringify(file.name)} ${fault}`,
        `give the path below ${path}, such as conf/site.conf`,
      );
    else if (directories.has(file.path))
      refuse(`${file.name} is a file and a folder`, 'give one of them another name');
    if (!/^[0-7]{4}$/.test(file.mode))
      refuse(
        `${JSON.stringify(file.mode)} of ${JSON.stringify(file.name)} is not a mode`,
        "give four octal digits in quotes, such as '0644'",
      );
  }
  throwProblems(problems);
}

function nameProblem(name: string): string | undefined {
  const parts = name.split('/');
  if (parts.some((part) => part.startsWith(leftoverPrefix))) return 'begins like those that provision makes';
  return parts.some((part) => Buffer.byteLength(part) > 255)
    ? 'has a part of more than 255 bytes'
    : undefined;
}

/** How the folder begins in which files are gathered before they get to their places; 16 hexadecimal digits follow. */
export const leftoverPrefix = '.provision-tree-';
