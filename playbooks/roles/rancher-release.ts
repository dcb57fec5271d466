import { ProvisionError } from 'provision';

export type AuditLevel = 'off' | 'metadata' | 'headers' | 'request' | 'response';

/** What differs between the releases of Rancher, as far as starting one container needs to know. */
export interface RancherRelease {
  /** The embedded k3s is a whole node: the container must be privileged. */
  readonly privileged: boolean;
  /** Its entrypoint knows control groups of version 2, which it learned in 2.6.9; before 2.5 nothing inside needs them. */
  readonly cgroupV2: boolean;
  /** Takes its first password from the environment. */
  readonly bootstrapPassword: boolean;
  /** The environment that switches API auditing on at a level. */
  audit(level: Exclude<AuditLevel, 'off'>): Readonly<Record<string, string>>;
}

/**
 * What a release needs, told by the tag of its image; a tag that names no version counts as the newest.
 * @throws ProvisionError `PLAYBOOK` for an audit level that the release does not have
 * @example
 * rancherRelease('rancher/rancher:v2.8.5').privileged; // => true
 * @see https://github.com/rancher/rancher/blob/v2.12.0/main.go
 */
export function rancherRelease(image: string): RancherRelease {
  const { minor, patch } = versionOf(image);
  return {
    privileged: minor >= 5,
    cgroupV2: minor < 5 || minor > 6 || (minor === 6 && patch >= 9),
    bootstrapPassword: minor >= 6,
    audit: (level) => (minor >= 12 ? auditSince212(level) : auditBefore212(level)),
  };
}

function versionOf(image: string): { minor: number; patch: number } {
  const version = /:v?2\.(\d+)(?:\.(\d+))?(?:$|[-.])/.exec(image);
  return version
    ? { minor: Number(version[1]), patch: Number(version[2] ?? 0) }
    : { minor: Infinity, patch: 0 };
}

/** A switch of its own, and levels that count from metadata. */
function auditSince212(level: Exclude<AuditLevel, 'off'>): Record<string, string> {
  const levels = { metadata: '0', headers: '1', request: '2', response: '3' };
  return { AUDIT_LOG_ENABLED: 'true', AUDIT_LEVEL: levels[level] };
}

/** Level 0 is off, and metadata and headers are one level. */
function auditBefore212(level: Exclude<AuditLevel, 'off'>): Record<string, string> {
  const levels = { metadata: '1', headers: '1', request: '2', response: '3' };
  return { AUDIT_LEVEL: levels[level] };
}

/** Refuses an image whose tag moves, as two runs of one inventory would then not mean the same. */
export function refuseMovingTag(image: string): void {
  if (!/:(latest|stable|alpha|head)$|\/[^:@]+$/.test(image)) return;
  throw new ProvisionError({
    code: 'PLAYBOOK',
    happened: `the tag of ${image} moves, so a run could upgrade Rancher without being asked to`,
    remedy: 'name a release, such as rancher/rancher:v2.14.3',
  });
}
