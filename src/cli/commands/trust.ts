import { setMaxListeners } from 'node:events';
import { formatProblem, problemsOf, ProvisionError } from '../../core/errors.ts';
import type { ConnectionSettings } from '../../inventory/connection-settings.ts';
import type { Sink } from '../../report/sink.ts';
import { alignColumns } from '../../report/table.ts';
import { sanitize } from '../../report/sanitize.ts';
import type { ScannedHostKey } from '../../ssh/trust.ts';
import { knownHostsFiles } from '../connect-hosts.ts';
import type { HostKeyRow } from '../host-key-row.ts';
import { hostKeyCells, hostKeyEvent } from '../host-key-row.ts';
import { listenForInterrupts } from '../interrupts.ts';
import { answerConfirm } from '../prompts.ts';
import { readConnections } from '../read-input.ts';

export interface TrustRequest {
  readonly inventory: string;
  readonly playbook?: string;
  readonly yes: boolean;
  readonly output: 'human' | 'lines' | 'jsonl';
  /** Hosts that are asked at a time. */
  readonly forks: number;
}

/**
 * Shows the key of every host and stores the new ones after a yes. Logs in nowhere.
 * @returns the exit code
 */
export async function trustCommand(request: TrustRequest, sink: Sink, mayAsk: boolean): Promise<number> {
  const connections = await readConnections(request);
  const [file = '', ...more] = knownHostsFiles();
  const interrupts = listenForInterrupts({
    first: () => sink.message('stopped: nothing was stored'),
    second: (exit) => process.exit(exit),
  });
  let rows: readonly HostKeyRow[];
  try {
    rows = await askAll(connections, [file, ...more], request.forks, interrupts.signal);
  } catch (error) {
    const exit = interrupts.exitCode();
    if (exit !== undefined) return exit;
    throw error;
  } finally {
    interrupts.close();
  }
  show(rows, request.output, sink);
  const exit = exitOf(rows);
  const fresh = rows.filter((row) => 'scanned' in row && row.scanned.status === 'new').length;
  const summary = (stored: number, code: number) => {
    if (request.output === 'jsonl') sink.json({ event: 'summary', new: fresh, stored, file, exit: code });
    else if (stored > 0) sink.result(`stored ${stored} in ${file}`);
  };
  if (fresh > 0) {
    await requireYes(request.yes, mayAsk, fresh, file).catch((error: unknown) => {
      summary(0, 8);
      throw error;
    });
    await store(rows, connections, file);
  }
  summary(fresh, exit);
  return exit;
}

/** In the order of the inventory, whoever answers first. */
async function askAll(
  connections: readonly ConnectionSettings[],
  files: readonly string[],
  forks: number,
  signal: AbortSignal,
): Promise<HostKeyRow[]> {
  const [{ scanHostKey }, { readKnownHosts }] = await Promise.all([
    import('../../ssh/trust.ts'),
    import('../../ssh/known-hosts-file.ts'),
  ]);
  const knownHosts = await readKnownHosts(files).catch((error: unknown) => {
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
  const options = { knownHosts, connectTimeoutMs: 10_000, signal };
  // Every host that is being asked listens to it; more than ten are no leak.
  setMaxListeners(0, signal);
  const rows: HostKeyRow[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < connections.length; index = next++) {
      const target = connections[index]!;
      const { name: host, address, port } = target;
      rows[index] = await scanHostKey(target, options).then(
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
  connections: readonly ConnectionSettings[],
  file: string,
): Promise<void> {
  const { trustHostKeys } = await import('../../ssh/trust.ts');
  const fresh = rows.flatMap((row, index): { target: ConnectionSettings; scanned: ScannedHostKey }[] => {
    const isNew = 'scanned' in row && row.scanned.status === 'new';
    return isNew ? [{ target: connections[index]!, scanned: row.scanned }] : [];
  });
  trustHostKeys(file, fresh);
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
