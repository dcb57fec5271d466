import { join } from 'node:path';
import { ProvisionError, throwProblems, type Problem } from '../core/errors.ts';
import { createPlan, type Plan } from '../core/plan.ts';
import type { Playbook } from '../core/play.ts';
import { formatLocation } from '../core/source.ts';
import type { AskSecret } from '../inventory/age-files.ts';
import type { ConnectionSettings } from '../inventory/connection-settings.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { loadInventory } from '../inventory/load-inventory.ts';
import type { OutsideWorld } from '../inventory/outside-world.ts';
import { resolveInventory, type MissingValue, type Resolution } from '../inventory/resolve-inventory.ts';
import { withAnswers, type GivenAnswer } from '../inventory/with-answers.ts';
import { certificateProblem, findCertificate } from '../ssh/certificate-file.ts';
import { checkKeyFile } from '../ssh/key-file.ts';
import { loadPlaybook } from './load-playbook.ts';
import { outsideOf } from './outside.ts';
import { packageRoot } from './package-root.ts';
import { refuseDebugger } from './refuse-debugger.ts';

/** Everything that a run needs, read and checked, with nothing contacted. */
export interface Input {
  readonly plan: Plan;
  /** By host. */
  readonly connections: ReadonlyMap<string, ConnectionSettings>;
  /** What a person should look at, with its place in the inventory. */
  readonly warnings: readonly string[];
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

interface InputFiles {
  readonly inventory: string;
  readonly playbook?: string;
  /** Path of the identities that open encrypted secrets. */
  readonly ageIdentity?: string;
}

/**
 * Reads inventory, playbook and everything they name, and makes the plan.
 * @throws ProvisionError with every problem of the input; `NEED_INPUT` when values are missing and nobody can be asked
 */
export async function readInput(
  request: InputFiles & { readonly readOnly: boolean },
  asking: Asking,
): Promise<Input> {
  const given = await loadInventory(request.inventory);
  const { ageIdentity, readOnly } = request;
  const world = { ...outsideOf(given, { ageIdentity, askSecret: asking.secret }), readOnly };
  const playbook = await loadPlaybook(playbookOf(request.playbook, given), process.env);
  const resolution = await resolveAsking(given, playbook, world, asking.missing);
  refuseDebugger();
  const plan = createPlan(playbook, resolution.resolved);
  refuseEmpty(plan, playbook, given);
  const connections = connectionsOf(plan, resolution.connections);
  await checkKeys([...connections.values()]);
  const warnings = [
    ...resolution.warnings.map(({ at, text }) => `${formatLocation(at)} — ${text}`),
    ...(await checkCertificates([...connections.values()])),
  ];
  return { plan, connections, warnings };
}

/**
 * How the hosts of a playbook are reached. Values that are still open do not matter here: a host is trusted before it is used.
 * @throws ProvisionError with every problem of what the inventory does say
 */
export async function readConnections(request: InputFiles): Promise<readonly ConnectionSettings[]> {
  const given = await loadInventory(request.inventory);
  const world = { ...outsideOf(given), readOnly: true, readsSecrets: false };
  const playbook = await loadPlaybook(playbookOf(request.playbook, given), process.env);
  const { connections, resolved } = await resolveInventory(given, playbook.groups, world);
  const used = new Set([...resolved.groups.values()].flat().map(({ name }) => name));
  return [...connections.values()].filter(({ name }) => used.has(name));
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

function refuseEmpty(plan: Plan, playbook: Playbook, inventory: Inventory): void {
  if (plan.plays.some((play) => play.hosts.length > 0)) return;
  throw new ProvisionError({
    code: 'INVENTORY',
    at: [{ file: inventory.file, line: 1 }],
    happened: `no host is in any group of the playbook (${Object.keys(playbook.groups).join(', ')})`,
    remedy: 'put hosts into these groups',
  });
}

function connectionsOf(
  plan: Plan,
  all: ReadonlyMap<string, ConnectionSettings>,
): Map<string, ConnectionSettings> {
  const used = new Set(plan.plays.flatMap((play) => play.hosts).map(({ host }) => host));
  return new Map([...all].filter(([name]) => used.has(name)));
}

/** All key files that are not fit are told at once, before the first of them is used. */
async function checkKeys(connections: readonly ConnectionSettings[]): Promise<void> {
  const agent = process.env['SSH_AUTH_SOCK'];
  const files = new Map<string, ConnectionSettings>();
  for (const connection of connections)
    if (connection.keyFile !== undefined) files.set(connection.keyFile, connection);
  const problems = await Promise.all(
    [...files].map(async ([path, { passphrase, name }]) => {
      const problem = await checkKeyFile(path, {
        ...(passphrase && { passphrase }),
        ...(agent !== undefined && { agent }),
      });
      return problem && { ...problem, host: name };
    }),
  );
  throwProblems(problems.filter((problem) => problem !== undefined));
}

/**
 * A certificate that is named has to be of use; one that only lies beside its key is told when it is not.
 * @returns warnings
 */
async function checkCertificates(connections: readonly ConnectionSettings[]): Promise<string[]> {
  const problems: Problem[] = [];
  const warnings = new Set<string>();
  for (const { keyFile, certificateFile, name } of connections) {
    if (keyFile === undefined) continue;
    const identity = { keyFile, ...(certificateFile !== undefined && { certificateFile }) };
    const found = await findCertificate(identity, undefined, Date.now());
    if (!found || 'certificate' in found) continue;
    if (certificateFile !== undefined) problems.push({ ...certificateProblem(found), host: name });
    else warnings.add(`${found.path} — the certificate is not used, only its key: ${found.unusable}`);
  }
  throwProblems(problems);
  return [...warnings];
}
