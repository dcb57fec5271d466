import { accessSync, constants, existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import type { Playbook } from '../core/play.ts';

/**
 * Imports a playbook in TypeScript; its `provision` is this very process's, so that classes are the same.
 * @throws ProvisionError `PLAYBOOK` when it cannot be loaded or exports no playbook as its default
 */
export async function loadPlaybook(file: string, environment: NodeJS.ProcessEnv): Promise<Playbook> {
  const path = resolve(file);
  if (!existsSync(path)) {
    throw new ProvisionError({
      code: 'PLAYBOOK',
      happened: `no such playbook: ${file}`,
      remedy: 'check the path',
    });
  }
  const provision = await import('../index.ts');
  // An import would look through all of its source for exports first, which takes as long as running it.
  const { createJiti } = createRequire(import.meta.url)('jiti') as typeof import('jiti');
  const jiti = createJiti(import.meta.url, {
    fsCache: cacheFolder(environment),
    interopDefault: false,
    virtualModules: { provision },
  });
  let loaded: { default?: unknown };
  try {
    loaded = await jiti.import<{ default?: unknown }>(realpathSync(path));
  } catch (error) {
    if (error instanceof ProvisionError) throw error;
    throw new ProvisionError(
      {
        code: 'PLAYBOOK',
        happened: `${file} cannot be loaded: ${messageOf(error)}`,
        remedy: 'correct it; nothing was contacted',
      },
      { cause: error },
    );
  }
  if (!isPlaybook(loaded.default)) {
    throw new ProvisionError({
      code: 'PLAYBOOK',
      happened: `${file} has no playbook as its default export`,
      remedy: 'end it with: export default playbook(…)',
    });
  }
  return loaded.default;
}

function isPlaybook(value: unknown): value is Playbook {
  return typeof value === 'object' && value !== null && 'plays' in value && 'groups' in value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Where compiled playbooks are kept; `false` where there is no place for them, as without a home. Whoever can write there
 * can run code as the user, so it must be the user's own and closed.
 * @throws ProvisionError `UNSAFE_PATH` when it is not
 */
function cacheFolder(environment: NodeJS.ProcessEnv): string | false {
  const base = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(base, 'provision', 'playbooks');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
  } catch {
    return false;
  }
  for (const path of [join(base, 'provision'), folder]) {
    const { uid, mode } = lstatSync(path);
    const foreign = process.getuid !== undefined && uid !== process.getuid();
    if (foreign || (mode & 0o022) !== 0) {
      throw new ProvisionError({
        code: 'UNSAFE_PATH',
        happened: `${path} could be written by another user, and what lies there is run`,
        remedy: `remove it, or: chown $USER ${path} && chmod 700 ${path}`,
      });
    }
  }
  return folder;
}
