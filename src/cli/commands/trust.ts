import { setMaxListeners } from 'node:events';
import { formatProblem, problemsOf, ProvisionError } from '../../core/errors.ts';
import type { Sink } from '../../report/sink.ts';
import { alignColumns } from '../../report/table.ts';
import { sanitize } from '../../report/sanitize.ts';
import type { ScannedHostKey } from '../../ssh/identity/trust.ts';
import type { JumpHosts } from '../../ssh/log-in/jump-hosts.ts';
import type { SshTarget } from '../../ssh/target.ts';
import { askPassphrases } from '../ask-passphrases.ts';
import type { HostKeyRow } from '../host-key-row.ts';
import { hostKeyCells, hostKeyEvent } from '../host-key-row.ts';
import { listenForInterrupts } from '../interrupts.ts';
import { answerConfirm, answerSecret } from '../prompts.ts';
import { readTargets, type InputFiles } from '../read-input.ts';
import { usualKnownHosts } from '../ssh-settings.ts';

export interface TrustRequest extends InputFiles {
  readonly yes: boolean;
  readonly output: 'human' | 'lines' | 'jsonl';
  /** Hosts that are asked at a time. */
  readonly forks: number;
}

/**
 * Shows the key of every host and stores the new ones after a yes. Logs in nowhere but on jump hosts, whose keys come first.
 * @returns the exit code
 */
export async function trustCommand(request: TrustRequest, sink: Sink, mayAsk: boolean): Promise<number> {
  const targets = await readTargets(request);
  const { own, system } = usualKnownHosts();
  const files = [...own, ...system];
  const interrupts = listenForInterrupts({
    first: () => sink.message('stopped: nothing was stored'),
    second: (exit) => process.exit(exit),
  });
  const { signal } = interrupts;
  const { JumpHosts } = await import('../over-ssh.ts');
  const jumpHosts = new JumpHosts({ knownHosts: { files, acceptNew: false }, connectTimeoutMs, signal });
  const total = { rows: [] as HostKeyRow[], new: 0, stored: 0 };
  const summary = (exit: number) => {
    if (request.output !== 'jsonl') return;
    sink.json({ event: 'summary', new: total.new, stored: total.stored, file: files[0]!, exit });
  };
  try {
    for (const level of byDistance(targets)) {
      const reachable = mayAsk ? await unlocked(level) : level;
      const rows = await askAll(reachable, files, request.forks, signal, jumpHosts);
      total.rows.push(...rows);
      show(rows, request.output, sink);
      const fresh = rows.filter((row) => 'scanned' in row && row.scanned.status === 'new').length;
      total.new += fresh;
      if (fresh === 0) continue;
      const where = filesOf(rows, level, files);
      await requireYes(request.yes, mayAsk, fresh, where);
      await store(rows, level, files);
      total.stored += fresh;
      if (request.output !== 'jsonl') sink.result(`stored ${fresh} in ${where}`);
    }
  } catch (error) {
    const exit = interrupts.exitCode();
    if (exit !== undefined) return exit;
    if (total.new > total.stored) summary(8);
    throw error;
  } finally {
    interrupts.close();
    await jumpHosts.close();
  }
  const exit = exitOf(total.rows);
  summary(exit);
  return exit;
}

const connectTimeoutMs = 10_000;

/** The hosts that are reached directly, jump hosts among them; then those behind one; and so on. */
function byDistance(targets: readonly SshTarget[]): SshTarget[][] {
  const levels: SshTarget[][] = [];
  const places = new Set<string>();
  const add = (target: SshTarget): number => {
    const level = target.jump ? add(target.jump) + 1 : 0;
    const { address, port, jump, hostKeyAlias = '', fingerprint = '' } = target;
    const place = [address, port, jump?.name ?? '', hostKeyAlias, fingerprint].join(' ');
    if (!places.has(place)) (levels[level] ??= []).push(target);
    places.add(place);
    return level;
  };
  targets.forEach(add);
  return levels.filter((level) => level.length > 0);
}

async function unlocked(targets: readonly SshTarget[]): Promise<SshTarget[]> {
  const jumps = new Map(targets.flatMap(({ name, jump }) => (jump ? [[name, jump]] : [])));
  const open = await askPassphrases(jumps, answerSecret);
  return targets.map((target) => ({ ...target, ...(target.jump && { jump: open.get(target.name)! }) }));
}

/** Where a key is stored: the first of the files that its host is looked up in. */
function fileOf(target: SshTarget, files: readonly string[]): string {
  return (target.knownHostsFiles ?? files)[0]!;
}

function filesOf(
  rows: readonly HostKeyRow[],
  targets: readonly SshTarget[],
  files: readonly string[],
): string {
  const fresh = targets.filter((_, index) => {
    const row = rows[index]!;
    return 'scanned' in row && row.scanned.status === 'new';
  });
  return [...new Set(fresh.map((target) => fileOf(target, files)))].join(', ');
}

/** In the order of the inventory, whoever answers first. */
async function askAll(
  connections: readonly SshTarget[],
  files: readonly string[],
  forks: number,
  signal: AbortSignal,
  jumpHosts: JumpHosts,
): Promise<HostKeyRow[]> {
  const { readKnownHosts, scanHostKey } = await import('../over-ssh.ts');
  const read = (paths: readonly string[]) =>
    readKnownHosts(paths).catch((error: unknown) => {
      throw new ProvisionError(
        {
          code: 'HOSTKEY_UNKNOWN',
          happened: `known hosts cannot be read: ${error instanceof Error ? error.message : String(error)}`,
          hostState: 'nothing was contacted',
          remedy: 'repair the known_hosts file; what cannot be checked is not trusted',
        },
        { cause: error },
      );
    });
  const usual = await read(files);
  const options = { connectTimeoutMs, signal, jumpHosts };
  // Every host that is being asked listens to it; more than ten are no leak.
  setMaxListeners(0, signal);
  const rows: HostKeyRow[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < connections.length; index = next++) {
      const target = connections[index]!;
      const { name: host, address, port } = target;
      const { knownHostsFiles } = target;
      const knownHosts = knownHostsFiles ? await read(knownHostsFiles) : usual;
      rows[index] = await scanHostKey(target, { ...options, knownHosts }).then(
        (scanned): HostKeyRow => ({ host, address, port, scanned }),
        (error: unknown): HostKeyRow => {
          signal.throwIfAborted();
          return { host, address, port, problems: problemsOf(error) };
        },
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(forks, connections.length) }, worker));
  return rows;
}

function show(rows: readonly HostKeyRow[], output: TrustRequest['output'], sink: Sink): void {
  if (output === 'jsonl') return void rows.forEach((row) => sink.json(hostKeyEvent(row)));
  // Made harmless before it is measured, or a host could push its neighbours around.
  const cells = rows.map((row) => hostKeyCells(row).map((cell) => sanitize(cell)));
  for (const line of alignColumns(cells)) sink.result(line);
  for (const row of rows)
    if ('problems' in row) for (const problem of row.problems) sink.message(formatProblem(problem));
}

async function store(
  rows: readonly HostKeyRow[],
  targets: readonly SshTarget[],
  files: readonly string[],
): Promise<void> {
  const { trustHostKeys } = await import('../over-ssh.ts');
  const byFile = new Map<string, { target: SshTarget; scanned: ScannedHostKey }[]>();
  for (const [index, row] of rows.entries()) {
    if (!('scanned' in row) || row.scanned.status !== 'new') continue;
    const target = targets[index]!;
    const file = fileOf(target, files);
    byFile.set(file, [...(byFile.get(file) ?? []), { target, scanned: row.scanned }]);
  }
  for (const [file, fresh] of byFile) trustHostKeys(file, fresh);
}

/** 8 when a person has to look at something, 4 when a host could not be asked. */
function exitOf(rows: readonly HostKeyRow[]): number {
  const fine: readonly string[] = ['known', 'vouched', 'new'];
  if (rows.some((row) => 'scanned' in row && !fine.includes(row.scanned.status))) return 8;
  return rows.some((row) => 'problems' in row) ? 4 : 0;
}

async function requireYes(yes: boolean, mayAsk: boolean, count: number, file: string): Promise<void> {
  if (yes) return;
  const question = `Compare them with what the hosts show on their own console. Store ${count} in ${file}?`;
  if (mayAsk && (await answerConfirm(question))) return;
  throw new ProvisionError({
    code: 'HOSTKEY_UNKNOWN',
    happened: 'the keys were not stored',
    remedy: mayAsk
      ? 'nothing was changed'
      : 'run it at a terminal, or with --yes after you have compared the fingerprints',
  });
}
