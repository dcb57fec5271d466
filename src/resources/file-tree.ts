import { resource } from '../core/resource.ts';
import { applyTree } from './file-tree-apply.ts';
import { findTree, lastingTree, treeChanges, type FoundTree } from './file-tree-state.ts';
import { wantedTree, type FileTreeProps, type WantedTree } from './file-tree-want.ts';

export type { FileTreeProps, TreeFile } from './file-tree-want.ts';

/**
 * A folder with many files, up to 2000, that travel together: looked at in one round trip, and only those sent that differ. Each file
 * is replaced as a whole; the tree is not. Missing parents are made, with mode 0755 and owner root.
 * @throws ProvisionError `PLAYBOOK` for names, modes or an owner that make no sense; when applied `UNSAFE_PATH`, `DISK_FULL`,
 *   `READ_ONLY`, and `STEP_FAILED` when something else than a file is in the way
 * @example
 * // vars: { pages: localFolder() }
 * fileTree({ path: '/srv/www', source: vars.pages, purge: true })
 * @example
 * fileTree({ path: '/etc/app', owner: 'app', group: 'app', files: { 'app.conf': 'port = 80\n', 'keys/token': { content: vars.token, mode: '0600' } } })
 */
export const fileTree = resource<FileTreeProps, WantedTree, FoundTree>({
  kind: 'file-tree',
  want: wantedTree,
  id: (want) => want.path,
  read: findTree,
  diff: treeChanges,
  precondition: lastingTree,
  apply: applyTree,
});
