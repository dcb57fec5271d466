import { ProvisionError } from '../core/errors.ts';
import type { Host, Output, ReadHost } from '../core/host.ts';
import { Script, sh } from '../core/script.ts';

/** What a question to Docker came to: `missing` without a client, `silent` when no engine answers it. */
export type DockerAnswer =
  | { readonly engine: 'missing' }
  | { readonly engine: 'silent' }
  | { readonly engine: 'answers'; readonly output: Output };

/** `tell KEY TEXT` prints `KEY=` and the first line of a text, by no process but the shell. */
export const tellFirstLine = Script.fromTrusted(`end='
'
tell() { printf '%s=%s\\n' "$1" "\${2%%"$end"*}"; }`);

const noClient = 127;
const noEngine = 69;

/** Asks Docker something that changes nothing. The client's words differ between versions, so a second question finds out whether an engine is there. */
export async function askDocker(host: ReadHost, question: Script): Promise<DockerAnswer> {
  const output = await host.probe(sh`command -v docker >/dev/null 2>&1 || exit ${noClient}
( ${question} ) || { status=$?; docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || exit ${noEngine}; exit "$status"; }`);
  if (output.code === noClient) return { engine: 'missing' };
  if (output.code === noEngine) return { engine: 'silent' };
  return { engine: 'answers', output };
}

/** Whether an engine answers. */
export async function engineState(host: ReadHost): Promise<DockerAnswer['engine']> {
  return (await askDocker(host, sh`docker version --format '{{.Server.Version}}' >/dev/null`)).engine;
}

/** The error for an engine that does not answer, with what the journal says about it. */
export async function engineFailure(host: ReadHost, happened: string): Promise<ProvisionError> {
  const journal = await host.probe(
    sh`journalctl --unit=docker.service --lines=20 --no-pager --output=cat 2>/dev/null | tail -c 4000`,
  );
  const detail = journal.stdout.trim();
  return new ProvisionError({
    code: 'DOCKER',
    happened,
    remedy: remedyFor(detail.slice(Math.max(0, detail.lastIndexOf('Starting docker.service')))),
    ...(detail === '' ? {} : { detail }),
  });
}

/** Runs something that makes no sense without an engine, and says so when there is none. */
export async function requireEngine(host: Host, engine: DockerAnswer['engine']): Promise<void> {
  if (engine === 'answers') return;
  if (engine === 'silent') throw await engineFailure(host, 'the Docker Engine does not answer');
  throw new ProvisionError({
    code: 'DOCKER',
    happened: 'there is no Docker Engine',
    remedy: 'put dockerEngine({ source: … }) before this step in the playbook',
  });
}

/** The explanation that a failed command left, or undefined when the error is about something else. */
export function outputOfFailure(error: unknown): string | undefined {
  if (!(error instanceof ProvisionError) || error.code !== 'COMMAND_FAILED') return undefined;
  return error.problems[0].detail ?? error.problems[0].happened;
}

/** Output of a host as a part of a sentence: one line, no control characters, bounded. */
export function quoteLine(text: string, longest = 300): string {
  const line = text.replaceAll(/[\0-\x1f\x7f-\x9f]+/g, ' ').trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

function remedyFor(journal: string): string {
  if (/iptables|nf_tables/i.test(journal)) {
    return 'dockerd could not set up its firewall rules: install iptables, and load the kernel modules ip_tables and iptable_nat';
  }
  if (/no space left on device/i.test(journal)) return 'free space on the file system of /var/lib/docker';
  if (/daemon\.json/.test(journal)) return 'correct /etc/docker/daemon.json';
  return 'look at "journalctl -u docker" on the host, and make "systemctl start docker" work';
}
