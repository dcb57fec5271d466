import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import type { Playbook } from '../core/play.ts';
import * as provision from '../index.ts';
import { cacheFolder } from './cache-folder.ts';

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
  // An import would look through all of its source for exports first, which takes as long as running it.
  const { createJiti } = createRequire(import.meta.url)('jiti') as typeof import('jiti');
  const jiti = createJiti(import.meta.url, {
    fsCache: cacheFolder(environment, 'playbooks') ?? false,
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
