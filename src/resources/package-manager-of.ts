import { ProvisionError } from '../core/errors.ts';
import type { ReadHost } from '../core/host.ts';
import { apt } from './apt.ts';
import type { PackageManager } from './package-manager.ts';

/**
 * The package manager of a host.
 * @throws ProvisionError `UNSUPPORTED` for a distribution whose packages provision does not know
 */
export async function packageManagerOf(host: ReadHost): Promise<PackageManager> {
  const { os, osLike, osName } = await host.facts();
  const found = managers.find(({ families }) => families.some((id) => id === os || osLike.includes(id)));
  if (found) return found;
  const supported = managers.flatMap(({ families }) => families).join(', ');
  throw new ProvisionError({
    code: 'UNSUPPORTED',
    happened: `packages of ${osName || os} are not supported`,
    hostState: 'nothing was changed',
    remedy: `use one of: ${supported}, or a distribution that is like one of them`,
  });
}

const managers: readonly PackageManager[] = [apt];
