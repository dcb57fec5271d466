/** What one release of Rancher does differently from others, as far as it can be seen from outside. */
export interface Release {
  /** As the image is tagged: `v2.8.5`, or `v2.8.5-crash` for a variant that misbehaves. */
  tag: string;
  behaviour: Behaviour;
  /** From the start of the program to the first open port. */
  startDelayMs: number;
  needsPrivileged: boolean;
  speaksHttp2: boolean;
  hasDashboard: boolean;
  hasBootstrapPassword: boolean;
  hasVersionPage: boolean;
  hasCaCertificatesPage: boolean;
  /** An existing database makes the next start reset the embedded cluster. */
  resetsCluster: boolean;
  /** The audit log is switched on by AUDIT_LOG_ENABLED, no longer by a level above zero. */
  hasAuditSwitch: boolean;
  /** Orders releases of one major version: 2.8.5 is 8005. */
  order: number;
  minor: number;
}

/** `crash` ends soon after each start, `hang` never opens a port, `not-found` answers 404 for a while. */
type Behaviour = 'normal' | 'crash' | 'hang' | 'not-found';

const variants: Record<string, { behaviour: Behaviour; startDelayMs: number }> = {
  '': { behaviour: 'normal', startDelayMs: 1_000 },
  fast: { behaviour: 'normal', startDelayMs: 0 },
  slow: { behaviour: 'normal', startDelayMs: 15_000 },
  crash: { behaviour: 'crash', startDelayMs: 500 },
  hang: { behaviour: 'hang', startDelayMs: 0 },
  '404': { behaviour: 'not-found', startDelayMs: 1_000 },
};

/**
 * Reads a tag such as `v2.12.3` or `v2.8.5-slow`.
 * @throws {Error} when the tag is not of this form, or the variant is unknown.
 */
export function parseRelease(tag: string): Release {
  const [, minorText, patchText, variantName = ''] = /^v2\.(\d+)\.(\d+)(?:-(\w+))?$/.exec(tag) ?? [];
  const variant = variants[variantName];
  if (minorText === undefined || patchText === undefined || variant === undefined) {
    throw new Error(`${tag} is no release: use v2.MINOR.PATCH, or one of its variants ${variantNames()}`);
  }
  const minor = Number(minorText);
  const order = minor * 1_000 + Number(patchText);
  return {
    tag,
    ...variant,
    needsPrivileged: minor >= 5,
    speaksHttp2: minor >= 5,
    hasDashboard: minor >= 6,
    hasBootstrapPassword: minor >= 6,
    hasVersionPage: minor >= 7,
    hasCaCertificatesPage: minor >= 5,
    resetsCluster: order >= 6_003,
    hasAuditSwitch: minor >= 12,
    order,
    minor,
  };
}

function variantNames(): string {
  return Object.keys(variants)
    .filter((name) => name !== '')
    .map((name) => `-${name}`)
    .join(', ');
}
