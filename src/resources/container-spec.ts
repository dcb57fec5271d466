import { createHash } from 'node:crypto';
import type { Change, Json } from '../core/change.ts';
import type { ContainerMount, ContainerPort, ContainerWant } from './container-want.ts';
import { labelPrefix } from './container-want.ts';
import { parseImageReference } from './docker-image-reference.ts';

/** All of a container that cannot be changed without re-creating it, as data: canonical, without defaults and secrets. */
export type ContainerSpec = Readonly<Record<string, Json>>;

/**
 * The spec of a wanted container. What has its default value is left out, so that a new option of provision
 * does not re-create the containers that do not use it; what has no order is sorted.
 */
export function containerSpec(want: ContainerWant): ContainerSpec {
  const all: Record<string, Json> = {
    image: parseImageReference(want.image).canonical,
    ports: want.ports.map(portText).sort(),
    mounts: sortedRecord(Object.fromEntries(want.mounts.map((mount) => [mount.target, mountText(mount)]))),
    env: sortedRecord(want.env),
    secretEnv: Object.keys(want.secretEnv).sort(),
    args: want.args,
    privileged: want.privileged,
    labels: sortedRecord(want.labels),
    logOptions: sortedRecord(want.logOptions),
    ...(want.stopTimeoutSeconds === undefined ? {} : { stopTimeoutSeconds: want.stopTimeoutSeconds }),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => !isDefault(value)));
}

/** Labels of a container: the hash of its spec, the spec itself so that a difference can be named, and a seal of its secrets. */
export const hashLabel = `${labelPrefix}spec`;
export const specLabel = `${labelPrefix}spec-json`;
export const sealLabel = `${labelPrefix}secret-env`;

/** SHA-256 of a spec, lower-case hex; its fields may stand in any order. */
export function specHash(spec: ContainerSpec): string {
  return createHash('sha256')
    .update(JSON.stringify(sortedRecord(spec)))
    .digest('hex');
}

/** A published port as `docker run --publish` takes it. */
export function portText({ address, host, container, protocol = 'tcp' }: ContainerPort): string {
  const listen = address === undefined ? '' : `${address.includes(':') ? `[${address}]` : address}:`;
  return `${listen}${host}:${container}${protocol === 'tcp' ? '' : `/${protocol}`}`;
}

/**
 * What differs between two specs, field by field; variables, mounts and labels one by one.
 * @example
 * specChanges({ image: 'docker.io/a/b:1' }, { image: 'docker.io/a/b:2' });
 * // => [{ type: 'value', path: 'image', have: 'docker.io/a/b:1', want: 'docker.io/a/b:2' }]
 */
export function specChanges(have: ContainerSpec, want: ContainerSpec): Change[] {
  return flatKeys(have, want).flatMap(([path, a, b]) =>
    JSON.stringify(a) === JSON.stringify(b)
      ? []
      : [
          {
            type: 'value' as const,
            path,
            ...(a === undefined ? {} : { have: a }),
            ...(b === undefined ? {} : { want: b }),
          },
        ],
  );
}

/** The spec that a label holds, or undefined when it is not one: labels are the host's data. */
export function parseSpec(label: string | undefined): ContainerSpec | undefined {
  try {
    const value: unknown = JSON.parse(label ?? '');
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function flatKeys(have: ContainerSpec, want: ContainerSpec): [string, Json | undefined, Json | undefined][] {
  return unionOfKeys(have, want).flatMap((key): [string, Json | undefined, Json | undefined][] => {
    const [a, b] = [own(have, key), own(want, key)];
    if (!isRecord(a ?? {}) || !isRecord(b ?? {})) return [[key, a, b]];
    const [inA, inB] = [(a ?? {}) as ContainerSpec, (b ?? {}) as ContainerSpec];
    return unionOfKeys(inA, inB).map((name) => [`${key}.${name}`, own(inA, name), own(inB, name)]);
  });
}

function unionOfKeys(a: ContainerSpec, b: ContainerSpec): string[] {
  return [...new Set([...Object.keys(b), ...Object.keys(a)])];
}

function own(record: ContainerSpec, key: string): Json | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function isRecord(value: unknown): value is ContainerSpec {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDefault(value: Json): boolean {
  return value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

function mountText(mount: ContainerMount): string {
  const source = mount.type === 'bind' ? mount.source : `volume ${mount.name}`;
  return mount.readOnly === true ? `${source} (read only)` : source;
}

function sortedRecord<T extends Json>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
