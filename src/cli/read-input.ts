import { join, resolve } from 'node:path';
import { ProvisionError, type Problem } from '../core/errors.ts';
import { createPlan, type Plan, type ResolvedInventory } from '../core/plan.ts';
import type { Playbook } from '../core/play.ts';
import { hostsWithoutStart, selectSteps, type StepSelection } from '../core/select-steps.ts';
import { slicePlan, type Slice } from '../core/slice-plan.ts';
import { formatLocation } from '../core/source.ts';
import { planDigest } from '../engine/plan-digest.ts';
import type { AskSecret } from '../inventory/age-files.ts';
import type { ConnectionSettings } from '../inventory/connection-settings.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { loadInventory } from '../inventory/load-inventory.ts';
import type { OutsideWorld } from '../inventory/outside-world.ts';
import { resolveInventory, type MissingValue, type Resolution } from '../inventory/resolve-inventory.ts';
import { withAnswers, type GivenAnswer } from '../inventory/with-answers.ts';
import { hostList } from '../report/event-lines.ts';
import type { SshTarget } from '../ssh/target.ts';
import { checkIdentities } from './check-identities.ts';
import { failedHostsOf } from './failed-hosts.ts';
import { loadPlaybook } from './load-playbook.ts';
import { outsideOf } from './outside.ts';
import { packageRoot } from './package-root.ts';
import { refuseDebugger } from './refuse-debugger.ts';
import { selectHosts, type HostSelection } from './select-hosts.ts';
import { SshSettings } from './ssh-settings.ts';

/** Everything that a run needs, read and checked, with nothing contacted. */
export interface Input {
  readonly plan: Plan;
  /** The values that the plan was made of. */
  readonly resolved: ResolvedInventory;
  /** The hosts that are part of the run. Undefined: all. */
  readonly chosen: ReadonlySet<string> | undefined;
  /** What `createPlan` makes of these two, before steps are left out. */
  readonly whole: Plan;
  /** By host. */
  readonly targets: ReadonlyMap<string, SshTarget>;
  /** What a person should look at, with its place in the inventory. */
  readonly warnings: readonly string[];
  /** Absolute paths. */
  readonly files: { readonly inventory: string; readonly playbook: string };
}

/** The files that a person names on the command line, and the hosts. */
export interface InputFiles extends HostSelection {
  readonly inventory: string;
  readonly playbook?: string;
  /** Path of the identities that open encrypted secrets. */
  readonly ageIdentity?: string;
  /** Instead of the usual configuration of ssh; `none` for none at all. */
  readonly sshConfig?: string;
}

/** How the values are found that the inventory leaves open; undefined when nobody can be asked. */
export type AskMissing = (
  missing: readonly MissingValue[],
  inventory: Inventory,
  world: OutsideWorld,
) => Promise<readonly GivenAnswer[]>;

/** How a person is asked; empty when nobody can be. */
export interface Asking {
  readonly missing?: AskMissing;
  /** For a secret whose place is a prompt, and for the passphrase of an encrypted file. */
  readonly secret?: AskSecret;
}

/**
 * Reads inventory, playbook and everything they name, and makes the plan of the hosts and steps that are chosen.
 * @param failedHosts what `@failed` stands for
 * @throws ProvisionError with every problem of the input; `NEED_INPUT` when values are missing and nobody can be asked
 */
export async function readInput(
  request: InputFiles & StepSelection & { readonly readOnly: boolean; readonly slice?: Slice | undefined },
  asking: Asking,
  failedHosts = failedHostsOf(request.inventory),
): Promise<Input> {
  const given = await loadInventory(request.inventory);
  const chosen = await selectHosts(given, request, failedHosts);
  const { ageIdentity, readOnly } = request;
  const world = { ...outsideOf(given, { ageIdentity, askSecret: asking.secret }), readOnly };
  const playbookFile = playbookOf(request.playbook, given);
  const playbook = await loadPlaybook(playbookFile, process.env);
  const ssh = await SshSettings.load(request.sshConfig);
  const hostName = ssh.hostName.bind(ssh);
  const logsInTo = chosen && (await hostsOnTheWay(chosen, given, playbook, ssh, { ...world, hostName }));
  const outside = { ...world, hostName, ...(logsInTo && { logsInTo }) };
  const resolution = await resolveAsking(given, playbook, outside, asking.missing);
  refuseDebugger();
  const whole = createPlan(playbook, resolution.resolved, chosen);
  refuseEmpty(whole, playbook, given, chosen);
  const selected = selectSteps(whole, request);
  const { slice } = request;
  const plan = slice ? slicePlan(selected, slice, planDigest(selected)) : selected;
  const used = connectionsOf(plan, resolution.connections);
  const { targets, warnings: ofSsh } = ssh.resolve(used.values(), resolution.connections);
  const ofIdentities = await checkIdentities([...targets.values()], {
    mayAsk: asking.secret !== undefined,
  });
  const warnings = [
    ...resolution.warnings.map(({ at, text }) => `${formatLocation(at)} — ${text}`),
    ...idleAtStart(whole, plan, request),
    ...ofSsh,
    ...ofIdentities,
  ];
  const files = { inventory: resolve(given.file), playbook: resolve(playbookFile) };
  const { resolved } = resolution;
  return { plan, resolved, chosen, whole, targets, warnings, files };
}

/**
 * How the hosts of a playbook are reached. Values that are still open do not matter here: a host is trusted before it is used.
 * @throws ProvisionError with every problem of what the inventory does say
 */
export async function readTargets(
  request: InputFiles,
  failedHosts = failedHostsOf(request.inventory),
): Promise<readonly SshTarget[]> {
  const given = await loadInventory(request.inventory);
  const world = { ...outsideOf(given, { ageIdentity: request.ageIdentity }), readOnly: true };
  const playbook = await loadPlaybook(playbookOf(request.playbook, given), process.env);
  const ssh = await SshSettings.load(request.sshConfig);
  const chosen = await selectHosts(given, request, failedHosts);
  const logsInTo = chosen && (await hostsOnTheWay(chosen, given, playbook, ssh, world));
  const targetsWith = async (readsSecrets: boolean) => {
    const outside = { ...world, readsSecrets, ...(logsInTo && { logsInTo }) };
    const { connections, resolved } = await resolveInventory(given, playbook.groups, outside);
    const used = new Set([...resolved.groups.values()].flat().map(({ name }) => name));
    const wanted = [...connections.values()].filter(
      ({ name }) => used.has(name) && (chosen?.has(name) ?? true),
    );
    if (chosen && wanted.length === 0) throw noHostInGroups(playbook, given, chosen);
    return [...ssh.resolve(wanted, connections).targets.values()];
  };
  const targets = await targetsWith(false);
  // Only a host on the way is logged in to, and may need a password.
  return targets.some(({ jump }) => jump) ? targetsWith(true) : targets;
}

/** The chosen hosts and those of the inventory on the way to them. Nobody logs in to the others, so theirs is no secret to be read. */
async function hostsOnTheWay(
  chosen: ReadonlySet<string>,
  given: Inventory,
  playbook: Playbook,
  ssh: SshSettings,
  world: OutsideWorld,
): Promise<ReadonlySet<string>> {
  const outside = { ...world, readsSecrets: false, readOnly: true };
  const { connections } = await resolveInventory(given, playbook.groups, outside);
  const wanted = [...connections.values()].filter(({ name }) => chosen.has(name));
  const names = new Set<string>();
  for (let target of ssh.resolve(wanted, connections).targets.values() as Iterable<SshTarget | undefined>)
    for (; target; target = target.jump) names.add(target.name);
  return names;
}

function playbookOf(argument: string | undefined, inventory: Inventory): string {
  return argument ?? inventory.playbook?.path ?? join(packageRoot, 'playbooks', 'rancher.ts');
}

async function resolveAsking(
  given: Inventory,
  playbook: Playbook,
  world: OutsideWorld,
  ask: AskMissing | undefined,
): Promise<Resolution> {
  const first = await resolveInventory(given, playbook.groups, world);
  if (first.missing.length === 0) return first;
  if (!ask) throw needInput(first.missing, given);
  const answers = await ask(first.missing, given, world);
  return resolveInventory(withAnswers(given, answers), playbook.groups, world);
}

function needInput(missing: readonly MissingValue[], inventory: Inventory): ProvisionError {
  const problems = missing.map(({ name, at, field, question }): Problem => {
    const ways = question.type === 'choice' ? question.choices.map(exampleOf) : [];
    const example = ways.length > 0 ? `, one of: ${ways.join(' | ')}` : '';
    return {
      code: 'NEED_INPUT',
      at: [{ file: inventory.file, line: 1 }],
      happened: `"${name}" is not in the inventory, and without a terminal nobody can be asked`,
      hostState: 'nothing was contacted',
      remedy: `write ${at.join('.')}: ${field.expects}${example}`,
    };
  });
  const [head, ...rest] = problems;
  return new ProvisionError([head!, ...rest]);
}

function exampleOf(choice: {
  readonly value: string;
  readonly fields: Readonly<Record<string, unknown>>;
}): string {
  const required = Object.entries(choice.fields).filter(
    ([, field]) => !(field as { fallback?: unknown }).fallback,
  );
  return `{ ${['option: ' + choice.value, ...required.map(([name]) => `${name}: …`)].join(', ')} }`;
}

function refuseEmpty(
  plan: Plan,
  playbook: Playbook,
  inventory: Inventory,
  chosen: ReadonlySet<string> | undefined,
): void {
  if (plan.plays.some((play) => play.hosts.length > 0)) return;
  throw noHostInGroups(playbook, inventory, chosen);
}

function noHostInGroups(
  playbook: Playbook,
  inventory: Inventory,
  chosen: ReadonlySet<string> | undefined,
): ProvisionError {
  const groups = Object.keys(playbook.groups).join(', ');
  return new ProvisionError(
    chosen
      ? {
          code: 'SELECTION',
          happened: `none of the chosen hosts (${[...chosen].join(', ')}) is in any group of the playbook (${groups})`,
          hostState: 'nothing was contacted',
          remedy: 'choose hosts of these groups',
        }
      : {
          code: 'INVENTORY',
          at: [{ file: inventory.file, line: 1 }],
          happened: `no host is in any group of the playbook (${groups})`,
          remedy: 'put hosts into these groups',
        },
  );
}

/** Names the hosts on which a choice of steps leaves out all of the play in which it starts. */
function idleAtStart(whole: Plan, plan: Plan, selection: StepSelection): string[] {
  const idle = hostsWithoutStart(whole, selection);
  const used = new Set(plan.plays.flatMap((play) => play.hosts).map(({ host }) => host));
  const hosts = idle?.hosts.filter((host) => used.has(host)) ?? [];
  if (!idle || hosts.length === 0) return [];
  const { play } = idle;
  return [
    `--start-at ${JSON.stringify(selection.startAt)}: nothing of the play "${play}" is done on ${hostList(hosts)}, where it has no such step`,
  ];
}

function connectionsOf(
  plan: Plan,
  all: ReadonlyMap<string, ConnectionSettings>,
): Map<string, ConnectionSettings> {
  const used = new Set(plan.plays.flatMap((play) => play.hosts).map(({ host }) => host));
  return new Map([...all].filter(([name]) => used.has(name)));
}
