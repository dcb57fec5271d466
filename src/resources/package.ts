import type { Change } from '../core/change.ts';
import { ProvisionError } from '../core/errors.ts';
import { resource } from '../core/resource.ts';
import { callSite } from '../core/source.ts';
import { checkName } from './host-file-props.ts';
import { packageManagerOf } from './package-manager-of.ts';

export interface PackageProps {
  /** One package or several, as the distribution names them; several are installed together. */
  readonly name: string | readonly string[];
}

/**
 * Installed packages of the distribution, without what they only recommend. What is installed is never upgraded.
 * @throws ProvisionError `PLAYBOOK` for a name that cannot be one; on the host `UNSUPPORTED`, `PACKAGE`, `DISK_FULL`
 * @example
 * pkg({ name: ['nginx', 'ca-certificates'] })
 */
export const pkg = resource({
  kind: 'package',
  want: ({ name }: PackageProps) => {
    const names = [...new Set([name].flat())];
    if (names.length === 0) {
      throw new ProvisionError({ code: 'PLAYBOOK', at: callSite(), happened: 'pkg() names no package' });
    }
    for (const each of names) checkName('package', each, packageName);
    return { names };
  },
  id: ({ names }) => names.join(' '),
  async read(host, { names }) {
    const manager = await packageManagerOf(host);
    return manager.states(host, names);
  },
  diff: (have, { names }) =>
    names.flatMap((path): Change[] => {
      const state = have?.[path];
      if (state === 'installed') return [];
      return [{ type: 'value', path, ...(state !== undefined && { have: state }), want: 'installed' }];
    }),
  effects: (_have, _want, changes) => [{ type: 'install', what: changes.map(({ path }) => path).join(', ') }],
  async apply(host, { names }, have) {
    const manager = await packageManagerOf(host);
    await manager.install(
      host,
      names.filter((name) => have?.[name] !== 'installed'),
    );
  },
});

/** @see https://www.debian.org/doc/debian-policy/ch-controlfields.html#source: also fits the names of rpm */
const packageName = /^[a-zA-Z0-9][a-zA-Z0-9+._-]{0,127}$/;
