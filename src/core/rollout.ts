/** So many hosts, or a share of the hosts of a play that are part of the run: `25%`. */
export type HostShare = number | `${number}%`;

/** How a play goes from host to host. */
export interface RolloutOptions {
  /**
   * How many hosts at a time: a number, or a share, one host at least. A list gives the batches one after the other, and its
   * last entry holds for all that follow. Default: all.
   */
  readonly serial?: HostShare | readonly [HostShare, ...HostShare[]];
  /** A first batch of so many hosts; the others are left as they are unless each of these succeeds. Default: none. */
  readonly canary?: HostShare;
  /**
   * How many hosts may fail: when more have, no other host of the play is begun, nor any later play that builds on it.
   * 0 stops at the first. Default: all may, and the others go on.
   */
  readonly maxFail?: HostShare;
}

/** Some hosts of a play that are done at the same time. */
export interface Batch {
  readonly hosts: readonly string[];
  /** All of them must succeed before another host is begun. */
  readonly isCanary: boolean;
}

/**
 * The hosts of a play as its options divide them, in order; always valid for options without problems.
 * @example
 * batchesOf(['a', 'b', 'c', 'd'], { serial: [1, '50%'] }).map(({ hosts }) => hosts); // => [['a'], ['b', 'c'], ['d']]
 */
export function batchesOf(hosts: readonly string[], { serial, canary }: RolloutOptions): Batch[] {
  const sizes = sharesOf(serial).map((share) => sizeOf(share, hosts.length));
  const last = sizes.at(-1) ?? hosts.length;
  const batches: Batch[] = [];
  let begun = 0;
  const add = (size: number, isCanary: boolean) => {
    batches.push({ hosts: hosts.slice(begun, begun + size), isCanary });
    begun += size;
  };
  if (canary !== undefined && hosts.length > 0) add(sizeOf(canary, hosts.length), true);
  for (const size of sizes) if (begun < hosts.length) add(size, false);
  while (begun < hosts.length) add(last, false);
  return batches;
}

/** How many of so many hosts may fail without an end to the play. */
export function toleratedFailures(hosts: number, { maxFail }: RolloutOptions): number {
  if (maxFail === undefined) return hosts;
  return typeof maxFail === 'number' ? maxFail : shareOf(maxFail, hosts);
}

/** What is wrong with the options, a sentence each. */
export function rolloutProblems({ serial, canary, maxFail }: RolloutOptions): string[] {
  const isEmpty = serial !== undefined && sharesOf(serial).length === 0;
  return [
    ...(isEmpty ? ['serial is an empty list'] : []),
    ...sharesOf(serial).flatMap((share) => problemWith('serial', share, 1)),
    ...(canary === undefined ? [] : problemWith('canary', canary, 1)),
    ...(maxFail === undefined ? [] : problemWith('maxFail', maxFail, 0)),
  ];
}

function sharesOf(serial: RolloutOptions['serial']): readonly HostShare[] {
  if (serial === undefined) return [];
  return typeof serial === 'number' || typeof serial === 'string' ? [serial] : serial;
}

function sizeOf(share: HostShare, hosts: number): number {
  return typeof share === 'number' ? share : Math.max(1, shareOf(share, hosts));
}

function shareOf(share: `${number}%`, hosts: number): number {
  return Math.floor((hosts * Number.parseFloat(share)) / 100);
}

/** Types do not stop what comes out of a calculation. */
function problemWith(option: string, share: unknown, least: number): string[] {
  const percent = typeof share === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(share)?.[1] : undefined;
  const isShare = percent !== undefined && Number(percent) <= 100 && (least === 0 || Number(percent) > 0);
  const isNumber = typeof share === 'number' && Number.isSafeInteger(share) && share >= least;
  if (isShare || isNumber) return [];
  const shown = typeof share === 'string' ? JSON.stringify(share) : String(share);
  const range = least === 0 ? '0% to 100%' : 'more than 0% and at most 100%';
  return [`${option} is ${shown}, and must be a whole number of ${least} or more, or a share of ${range}`];
}
