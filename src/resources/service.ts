import type { Change } from '../core/change.ts';
import { ProvisionError } from '../core/errors.ts';
import type { Host, Question } from '../core/host.ts';
import { resource } from '../core/resource.ts';
import { sh } from '../core/script.ts';
import { systemctl, unitName } from '../host/systemctl.ts';
import { checkName } from './host-file-props.ts';

export interface ServiceProps {
  /** Name of a systemd unit; without a suffix it is a service: `nginx`. */
  readonly name: string;
  /** Whether it runs now. Default true. */
  readonly running?: boolean;
  /** Whether it starts at boot. Default true. */
  readonly enabled?: boolean;
}

/** What systemd says of a unit, in its own words. */
interface UnitState {
  readonly load: string;
  readonly active: string;
  readonly file: string;
  readonly needsReload: boolean;
}

/**
 * A systemd unit in the wanted state, now and at boot.
 * @throws ProvisionError `PLAYBOOK` for a name that cannot be one; when applied `SERVICE`, or `UNSUPPORTED` without systemd
 * @example
 * service({ name: 'nginx' })
 * @see systemctl(1)
 */
export const service = resource<ServiceProps, Required<ServiceProps>, UnitState>({
  kind: 'service',
  want: (props) => {
    checkName('systemd unit', props.name, unitName);
    return { running: true, enabled: true, ...props };
  },
  id: ({ name }) => name,
  read: (host, { name }) => host.ask(unitStates, name),
  diff(have, want) {
    const changes: Change[] = [];
    const before = (state: string | undefined) => (state === undefined ? {} : { have: state });
    if (want.running !== (have?.active === 'active')) {
      const wanted = want.running ? 'active' : 'inactive';
      if (have || want.running) {
        changes.push({ type: 'value', path: 'running', ...before(have?.active), want: wanted });
      }
    }
    if (!isBootStateRight(have, want.enabled)) {
      const wanted = want.enabled ? 'enabled' : 'disabled';
      changes.push({ type: 'value', path: 'enabled', ...before(have?.file), want: wanted });
    }
    return changes;
  },
  effects: (_have, { name, running }, changes) =>
    changes.some(({ path }) => path === 'running') ? [{ type: running ? 'start' : 'stop', what: name }] : [],
  async apply(host, want, have) {
    if (!have || have.load !== 'loaded') throw await unusable(host, want.name, have);
    if (have.needsReload) await host.run(sh`systemctl daemon-reload`, { doing: 'systemctl daemon-reload' });
    if (!isBootStateRight(have, want.enabled)) {
      await systemctl(host, want.enabled ? 'enable' : 'disable', want.name, 'SERVICE');
    }
    if (want.running !== (have.active === 'active')) {
      await systemctl(host, want.running ? 'start' : 'stop', want.name, 'SERVICE');
    }
  },
});

const properties = ['LoadState', 'ActiveState', 'UnitFileState', 'NeedDaemonReload'];

/** What systemd says of units: a block of lines each, in the order in which they were asked for. */
const unitStates: Question<UnitState> = async (host, names) => {
  const { stdout } = await host.probe(sh`systemctl show -p ${properties.join(',')} -- ${names} 2>/dev/null`);
  const blocks = stdout.trim() === '' ? [] : stdout.trim().split(/\n\n+/);
  // A unit that it cannot tell anything of ends the answer, and which one that was it does not say.
  if (blocks.length !== names.length && blocks.length > 0 && names.length > 1)
    throw new ProvisionError({ code: 'SERVICE', happened: 'systemctl show left out a unit' });
  const states = names.map((name, index) => [name, unitState(blocks[index] ?? '')] as const);
  return new Map(states.filter((entry): entry is [string, UnitState] => entry[1] !== undefined));
};

function unitState(block: string): UnitState | undefined {
  const values = new Map(
    block.split('\n').map((line) => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1)] as const;
    }),
  );
  const load = values.get('LoadState') ?? 'not-found';
  if (load === 'not-found') return undefined;
  return {
    load,
    active: values.get('ActiveState') ?? '',
    file: values.get('UnitFileState') ?? '',
    needsReload: values.get('NeedDaemonReload') === 'yes',
  };
}

// A static or generated unit has nothing to enable: other units start it.
const startsAtBoot = ['enabled', 'enabled-runtime', 'static', 'indirect', 'generated', 'alias'];
const staysDown = ['', 'disabled', 'static', 'indirect', 'generated', 'masked', 'masked-runtime', 'linked'];

function isBootStateRight(have: UnitState | undefined, enabled: boolean): boolean {
  if (!have) return !enabled;
  return (enabled ? startsAtBoot : staysDown).includes(have.file);
}

async function unusable(host: Host, name: string, have: UnitState | undefined): Promise<ProvisionError> {
  const { systemd, osName } = await host.facts();
  if (!systemd) {
    return new ProvisionError({
      code: 'UNSUPPORTED',
      happened: `process 1 of ${osName || 'this host'} is not systemd`,
      hostState: 'nothing was changed',
      remedy: 'use a host that systemd runs',
    });
  }
  const masked = have?.load === 'masked';
  return new ProvisionError({
    code: 'SERVICE',
    happened: have ? `the unit ${name} is ${have.load}` : `there is no unit ${name}`,
    hostState: 'nothing was changed',
    remedy: masked
      ? `systemctl unmask ${name}, if that is wanted`
      : 'install what brings it with an earlier step',
  });
}
