import type { FieldMap, VarsOf } from './field.ts';
import { ProvisionError } from './errors.ts';
import { refuseBareSecrets } from './fields/refuse-bare-secrets.ts';
import { callSite, type SourceLocation } from './source.ts';
import type { RolloutOptions } from './rollout.ts';
import type { ConditionStep, StepList } from './step.ts';
import { didYouMean } from './suggest.ts';

/** The groups of an inventory, each with the fields of its vars. */
export type GroupMap = Readonly<Record<string, FieldMap>>;

/** One host as a play sees it. */
export interface Peer<Vars> {
  /** Name in the inventory. */
  readonly name: string;
  /** IP address or DNS name at which other hosts reach it: `address:` in the inventory, else `host:`. */
  readonly address: string;
  readonly vars: Vars;
}

/** What a play function is given; it is all that it may use. */
export interface PlayContext<G extends GroupMap, K extends keyof G> {
  readonly host: { readonly name: string; readonly address: string };
  readonly vars: VarsOf<G[K]>;
  /** The hosts of each group. Reading a group makes this play wait for it: it is skipped when one of its hosts failed. */
  readonly groups: { readonly [N in keyof G]: readonly Peer<VarsOf<G[N]>>[] };
}

/** Conditions, or lists of them, as `gate` returns them. */
export type GateList = readonly (ConditionStep | GateList)[];

export interface PlayOptions<Context = PlayContext<GroupMap, string>> extends RolloutOptions {
  /** For reports. Default: the group. */
  readonly name?: string;
  /** Names for `--only` and `--skip`, of all steps of the play; added to those that a step has. */
  readonly tags?: readonly string[];
  /**
   * Conditions by which a host is known to be well. After each batch they are observed on its hosts, and must all hold before
   * the next one is begun; a host that failed holds none. Pure, like the play.
   */
  readonly gate?: (context: Context) => GateList;
  /** What a person should know when the play has succeeded on a host, a line each: where the service is, how to log in. */
  readonly notes?: (context: Context) => readonly string[];
}

/** Steps for the hosts of one group. */
export interface Play {
  readonly name: string;
  readonly group: string;
  readonly at: readonly SourceLocation[];
  readonly options: PlayOptions;
  /** Pure. The context is typed where the play is written and erased here. */
  readonly build: (context: PlayContext<GroupMap, string>) => StepList;
}

/** The groups and the type of their vars: the only place where the YAML gets a type. */
export interface Site<G extends GroupMap> {
  readonly groups: G;
  /**
   * Steps for the hosts of a group. The function is pure: no `await`, no network, no clock.
   * @example
   * site.play('lb', ({ vars, groups }) => nginxTls({ ...vars, upstreams: groups.rancher.map((node) => node.address) }));
   */
  play<K extends keyof G & string>(
    group: K,
    build: (context: PlayContext<G, K>) => StepList,
    options?: PlayOptions<PlayContext<G, K>>,
  ): Play & { readonly site: Site<G> };
}

/**
 * Declares the groups of an inventory and the type of each group's vars.
 * @throws ProvisionError `PLAYBOOK` when a value is called like a secret and is plain text
 * @example
 * const site = inventory({ web: { hostname: fqdn(), workers: integer().default(4) } });
 */
export function inventory<const G extends GroupMap>(groups: G): Site<G> {
  Object.values(groups).forEach(refuseBareSecrets);
  const site: Site<G> = {
    groups,
    play(group, build, options = {}) {
      if (!Object.hasOwn(groups, group)) throw unknownGroup(group, Object.keys(groups));
      const erased = { build, options } as unknown as Pick<Play, 'build' | 'options'>;
      return { name: options.name ?? group, group, at: callSite(), ...erased, site };
    },
  };
  return site;
}

/** Plays in their order, over one inventory. */
export interface Playbook {
  readonly groups: GroupMap;
  readonly plays: readonly Play[];
}

/**
 * The plays of a playbook, in order; the hosts of one play run in parallel.
 * @throws ProvisionError `PLAYBOOK` when the plays belong to different inventories
 * @example
 * export default playbook(site.play('rancher', rancherNode), site.play('lb', loadBalancer, { serial: [1, '25%'], maxFail: 0 }));
 */
export function playbook<G extends GroupMap>(...plays: readonly [PlayOf<G>, ...PlayOf<G>[]]): Playbook {
  const { site } = plays[0];
  const stranger = plays.find((play) => play.site !== site);
  if (stranger) {
    throw new ProvisionError({
      code: 'PLAYBOOK',
      at: stranger.at,
      happened: `play "${stranger.name}" belongs to another inventory() than the first play`,
      remedy: 'make all plays of a playbook from one inventory()',
    });
  }
  return { groups: site.groups, plays };
}

type PlayOf<G extends GroupMap> = Play & { readonly site: Site<G> };

function unknownGroup(group: string, known: readonly string[]): ProvisionError {
  const near = didYouMean(group, known);
  return new ProvisionError({
    code: 'PLAYBOOK',
    at: callSite(),
    happened: `no group "${group}" in this inventory()`,
    remedy: near ? `did you mean "${near}"?` : `known groups: ${known.join(', ')}`,
  });
}
