import * as nodeModule from 'node:module';
import { cacheFolder } from './cache-folder.ts';

/**
 * What is behind the command line. Node 22 can keep what it has compiled, which is a part of each start.
 * @throws ProvisionError `UNSAFE_PATH` when others could write where that is kept
 */
export async function loadCommands(): Promise<typeof import('./commands.ts')> {
  const { enableCompileCache } = nodeModule as { enableCompileCache?: (folder: string) => unknown };
  const folder = enableCompileCache && cacheFolder(process.env, 'compiled');
  if (folder !== undefined) enableCompileCache!(folder);
  return import('./commands.ts');
}
