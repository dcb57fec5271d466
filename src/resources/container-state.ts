import type { Change } from '../core/change.ts';
import { ProvisionError } from '../core/errors.ts';
import type { ReadHost } from '../core/host.ts';
import type { Observation } from '../core/step.ts';
import type { ContainerRecord, FoundContainers } from './container-record.ts';
import { describeState, findContainers, isSettled } from './container-record.ts';
import { sealFits } from './container-seal.ts';
import {
  containerSpec,
  hashLabel,
  parseSpec,
  sealLabel,
  specChanges,
  specHash,
  specLabel,
} from './container-spec.ts';
import type { ContainerWant } from './container-want.ts';

/** What a host has of a wanted container. */
export type ContainerHave =
  | { readonly engine: 'silent' }
  | ({
      readonly engine: 'answers';
      readonly secretsFit: boolean;
      /** Of a container that is the right one and runs. */
      readonly readiness?: Observation;
    } & FoundContainers);

/**
 * Reads a container with what a replacement may have left beside it.
 * @throws ProvisionError `NAME_CONFLICT` when the name belongs to a container that provision did not make
 */
export async function readContainerState(
  host: ReadHost,
  want: ContainerWant,
): Promise<ContainerHave | undefined> {
  const { engine, ...found } = await findContainers(host, want.name);
  if (engine === 'silent') return { engine };
  refuseForeign(want.name, found);
  const newest = found.current ?? found.previous;
  if (engine === 'missing' || !newest) return undefined;
  const { current } = found;
  const isUp = current !== undefined && isSettled(current) && (await isUpToDate(current, want));
  // A container that never became ready is no converged one, even when it runs.
  const readiness = isUp ? await want.ready?.observe(host) : undefined;
  return { engine, secretsFit: await secretsFit(newest, want), ...(readiness && { readiness }), ...found };
}

/** What of it does not move by itself: without how long it has run, how often it was restarted and how it feels. */
export function lastingState(have: ContainerHave): unknown {
  if (have.engine === 'silent') return have;
  const { secretsFit, current, previous } = have;
  return {
    secretsFit,
    current: current && lastingRecord(current),
    previous: previous && lastingRecord(previous),
  };
}

function lastingRecord({ id, name, image, status, restartPolicy, labels }: ContainerRecord): object {
  const isUp = status === 'running' || status === 'restarting';
  return { id, name, image, restartPolicy, labels, status: isUp ? 'up' : status };
}

/** What differs, in the words of the playbook: `image`, `env.AUDIT_LEVEL`, `mounts./var/lib/rancher`, `state`. */
export function containerChanges(have: ContainerHave | undefined, want: ContainerWant): Change[] {
  const spec = containerSpec(want);
  if (!have) return [...specChanges({}, spec), { type: 'value', path: 'restart', want: want.restart }];
  // An engine that is installed and down: a step before this one starts it.
  if (have.engine === 'silent') return [{ type: 'unknown', path: 'container' }];
  const { current, previous, readiness } = have;
  const record = current ?? previous;
  return [
    ...(previous ? [value('replacement', 'begun by a run before', 'finished')] : []),
    ...(record ? recreationChanges(record, have.secretsFit, want) : []),
    ...(current ? liveChanges(current, want) : []),
    ...(readiness && !readiness.holds ? [value('ready', readiness.saw, want.ready?.describe ?? 'yes')] : []),
  ];
}

/** Whether a container was made from just this spec and these secrets. */
export async function isUpToDate(record: ContainerRecord, want: ContainerWant): Promise<boolean> {
  return record.labels[hashLabel] === specHash(containerSpec(want)) && (await secretsFit(record, want));
}

/** @throws ProvisionError `NAME_CONFLICT` when the name belongs to a container that provision did not make */
export function refuseForeign(wanted: string, { foreign }: FoundContainers): void {
  if (!foreign) return;
  const { name, image } = foreign;
  throw new ProvisionError({
    code: 'NAME_CONFLICT',
    happened: `there is a container ${name} that provision did not make (image ${image}, ${describeState(foreign)})`,
    hostState: 'it was not touched',
    remedy: `rename it ("docker rename ${name} ${name}-before"; stop it, if it has the ports), remove it, or call the wanted one other than ${wanted}`,
  });
}

// What needs a new container.
function recreationChanges(record: ContainerRecord, secretsFit: boolean, want: ContainerWant): Change[] {
  const spec = containerSpec(want);
  const hash = record.labels[hashLabel];
  const changes = hash === specHash(spec) ? [] : specChanges(parseSpec(record.labels[specLabel]) ?? {}, spec);
  if (hash !== specHash(spec) && changes.length === 0) {
    changes.push(value('spec', hash?.slice(0, 12) ?? 'unknown', specHash(spec).slice(0, 12)));
  }
  if (!secretsFit) {
    changes.push({
      type: 'secret',
      path: 'secretEnv',
      have: record.labels[sealLabel] === undefined ? 'absent' : 'differs',
    });
  }
  return changes;
}

// What can be changed on the container that is there.
function liveChanges(record: ContainerRecord, want: ContainerWant): Change[] {
  return [
    ...(record.name === want.name ? [] : [value('name', record.name, want.name)]),
    ...(record.restartPolicy === want.restart ? [] : [value('restart', record.restartPolicy, want.restart)]),
    ...(isSettled(record) ? [] : [value('state', describeState(record), 'running')]),
  ];
}

function value(path: string, have: string, want: string): Change {
  return { type: 'value', path, have, want };
}

async function secretsFit(record: ContainerRecord, want: ContainerWant): Promise<boolean> {
  const seal = record.labels[sealLabel];
  const isWanted = Object.keys(want.secretEnv).length > 0;
  // Variables that are gone show as a difference of the spec, which holds their names.
  if (!isWanted) return true;
  return seal !== undefined && (await sealFits(seal, want.secretEnv));
}
