import { join } from 'node:path';
import { ProvisionError, throwProblems, type Problem } from '../core/errors.ts';
import { createPlan, type Plan } from '../core/plan.ts';
import type { Playbook } from '../core/play.ts';
import { formatLocation } from '../core/source.ts';
import type { ConnectionSettings } from '../inventory/connection-settings.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { loadInventory } from '../inventory/load-inventory.ts';
import { resolveInventory, type MissingValue } from '../inventory/resolve-inventory.ts';
import { withAnswers, type GivenAnswer } from '../inventory/with-answers.ts';
import { certificateProblem, findCertificate } from '../ssh/certificate-file.ts';
import { checkKeyFile } from '../ssh/key-file.ts';
import { loadPlaybook } from './load-playbook.ts';
import { outsideWorld } from './outside.ts';
import { packageRoot } from './package-root.ts';

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
) => Promise<readonly GivenAnswer[]>;

/**
 * Reads inventory, playbook and everything they name, and makes the plan.
 * @throws ProvisionError with every problem of the input; `NEED_INPUT` when values are missing and nobody can be asked
 */
export async function readInput(
  request: { readonly inventory: string; readonly playbook?: string; readonly readOnly: boolean },
  ask: AskMissing | undefined,
): Promise<Input> {
  const given = await loadInventory(request.inventory);
  const playbook = await loadPlaybook(playbookOf(request.playbook, given), process.env);
  const { resolution } = await resolveAsking(given, playbook, request.readOnly, ask);
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
export async function readConnections(request: {
  readonly inventory: string;
  readonly playbook?: string;
}): Promise<readonly ConnectionSettings[]> {
  const given = await loadInventory(request.inventory);
  const playbook = await loadPlaybook(playbookOf(request.playbook, given), process.env);
  const { connections, resolved } = await resolveInventory(given, playbook.groups, outsideWorld(true));
  const used = new Set([...resolved.groups.values()].flat().map(({ name }) => name));
  return [...connections.values()].filter(({ name }) => used.has(name));
}

function playbookOf(argument: string | undefined, inventory: Inventory): string {
  return argument ?? inventory.playbook?.path ?? join(packageRoot, 'playbooks', 'rancher.ts');
}

async function resolveAsking(
  given: Inventory,
  playbook: Playbook,
  readOnly: boolean,
  ask: AskMissing | undefined,
) {
  const first = await resolveInventory(given, playbook.groups, outsideWorld(readOnly));
  if (first.missing.length === 0) return { resolution: first };
  if (!ask) throw needInput(first.missing, given);
  const answers = await ask(first.missing, given);
  return {
    resolution: await resolveInventory(withAnswers(given, answers), playbook.groups, outsideWorld(readOnly)),
  };
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
