import { problemsOf, formatProblem, ProvisionError } from '../../core/errors.ts';
import type { Sink } from '../../report/sink.ts';
import type { ScannedHostKey } from '../../ssh/trust.ts';
import { knownHostsFiles } from '../connect-hosts.ts';
import { answerConfirm } from '../prompts.ts';
import { readConnections } from '../read-input.ts';
import type { ConnectionSettings } from '../../inventory/connection-settings.ts';

/**
 * Shows the key of every host and stores the new ones after a yes. Logs in nowhere.
 * @returns the exit code
 */
export async function trustCommand(
  request: { readonly inventory: string; readonly playbook?: string; readonly yes: boolean },
  sink: Sink,
  mayAsk: boolean,
): Promise<number> {
  const { scanHostKey, trustHostKey } = await import('../../ssh/trust.ts');
  const connections = await readConnections(request);
  const files = knownHostsFiles();
  const found: { target: ConnectionSettings; key: ScannedHostKey }[] = [];
  const problems: ReturnType<typeof problemsOf>[number][] = [];
  await Promise.all(
    connections.map(async (target) => {
      try {
        found.push({ target, key: await scanHostKey(target, { files, connectTimeoutMs: 10_000 }) });
      } catch (error) {
        problems.push(...problemsOf(error));
      }
    }),
  );
  for (const { target, key } of found) {
    sink.result(
      `${target.name}  ${target.address}:${target.port}  ${key.type}  ${key.fingerprint}  ${key.status}`,
    );
  }
  for (const problem of problems) sink.message(formatProblem(problem));
  const fresh = found.filter(({ key }) => key.status === 'new');
  const refused = found.filter(({ key }) => key.status !== 'new' && key.status !== 'known');
  if (fresh.length > 0) {
    await requireYes(request.yes, mayAsk, fresh.length, files[0]!);
    for (const { target, key } of fresh) trustHostKey(files[0]!, target, key);
    sink.result(`stored ${fresh.length} in ${files[0]!}`);
  }
  if (refused.length > 0) return 8;
  return problems.length > 0 ? 4 : 0;
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
