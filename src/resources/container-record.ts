import type { ReadHost } from '../core/host.ts';
import type { Script } from '../core/script.ts';
import { sh } from '../core/script.ts';
import { labelPrefix } from './container-want.ts';
import type { DockerAnswer } from './docker-client.ts';
import { askDocker, engineFailure, quoteLine } from './docker-client.ts';

/** What Docker says of one container. */
export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  /** The image as it was given when the container was made. */
  readonly image: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly status: string;
  /** How often Docker has restarted it since a person or provision started it. */
  readonly restarts: number;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** Why it could not be started; empty when it could. */
  readonly error: string;
  /** How long this start of it has lasted, by the host's clock. */
  readonly upSeconds: number;
  /** `starting`, `healthy` or `unhealthy`, when the image has a health check. */
  readonly health?: string;
  readonly restartPolicy: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The containers that a wanted name is about. */
export interface FoundContainers {
  /** Ours, under the wanted name; or ours under a name that somebody gave it. */
  readonly current?: ContainerRecord;
  /** Ours, put aside by a replacement that has not ended. */
  readonly previous?: ContainerRecord;
  /** Not ours, but in the way. */
  readonly foreign?: ContainerRecord;
}

/** The label by which a container is found again. */
export const nameLabel = `${labelPrefix}container`;

/** How the container that is being replaced is called meanwhile. */
export function previousName(name: string): string {
  return `${name}.provision-old`;
}

/** Looks for the containers of a name: by label, and by name for those in the way. */
export async function findContainers(
  host: ReadHost,
  name: string,
): Promise<{ readonly engine: DockerAnswer['engine'] } & FoundContainers> {
  const answer = await askDocker(host, findScript(name));
  if (answer.engine !== 'answers') return { engine: answer.engine };
  // Most of them are found in both ways.
  const records = new Map(parseRecords(answer.output.stdout).map((record) => [record.id, record]));
  return { engine: 'answers', ...sortOut([...records.values()], name) };
}

/**
 * One container by its id, or undefined when it is gone.
 * @throws ProvisionError `DOCKER` when the engine does not answer
 */
export async function readContainer(host: ReadHost, id: string): Promise<ContainerRecord | undefined> {
  const answer = await askDocker(host, sh`date +%s; ${inspect([id])}`);
  if (answer.engine !== 'answers')
    throw await engineFailure(host, 'the Docker Engine does not answer any more');
  return parseRecords(answer.output.stdout)[0];
}

/** Whether a container runs and is not about to fall over: Docker also calls one running that it restarts every minute. */
export function isSettled({ status, restarts, upSeconds }: ContainerRecord): boolean {
  return status === 'running' && (restarts === 0 || upSeconds >= settledAfterSeconds);
}

/** The state of a container for people: `running`, `exited (1)`, `restarted 4 times`. */
export function describeState(record: ContainerRecord): string {
  if (isSettled(record)) return 'running';
  if (record.restarts > 0 && ['running', 'restarting'].includes(record.status)) {
    return `restarted ${record.restarts === 1 ? 'once' : `${record.restarts} times`}`;
  }
  return record.status === 'exited' ? `exited (${record.exitCode})` : record.status;
}

const settledAfterSeconds = 30;

// Only what is needed: the whole of it also holds the environment, and with it secrets.
const format =
  '{"id":{{json .Id}},"name":{{json .Name}},"image":{{json .Config.Image}},"state":{{json .State}},' +
  '"restarts":{{json .RestartCount}},"policy":{{json .HostConfig.RestartPolicy.Name}},"labels":{{json .Config.Labels}}}';

function inspect(ids: readonly string[]): Script {
  return sh`docker inspect --type container --format ${format} ${ids}`;
}

function findScript(name: string): Script {
  const names = `name=^/?${name.replaceAll('.', '[.]')}(${previousName('').replaceAll('.', '[.]')})?$`;
  const list = (filter: string) => sh`docker ps --all --quiet --no-trunc --filter ${filter}`;
  return sh`date +%s
labelled=$(${list(`label=${nameLabel}=${name}`)}) || exit
named=$(${list(names)}) || exit
[ -n "$labelled$named" ] || exit 0
${inspect([])} $labelled $named`;
}

function sortOut(records: readonly ContainerRecord[], name: string): FoundContainers {
  const isOurs = (record: ContainerRecord) => record.labels[nameLabel] === name;
  const ours = records.filter(isOurs);
  const previous = ours.find((record) => record.name === previousName(name));
  const others = ours.filter((record) => record !== previous);
  const current = others.find((record) => record.name === name) ?? others[0];
  const inTheWay = [name, previousName(name)];
  const foreign = records.find((record) => !isOurs(record) && inTheWay.includes(record.name));
  return {
    ...(current && { current }),
    ...(previous && { previous }),
    ...(foreign && { foreign }),
  };
}

const mostContainers = 1000;

function parseRecords(stdout: string): ContainerRecord[] {
  const [clock = '', ...lines] = stdout.split('\n');
  const now = Number(clock) * 1000;
  // Each line that is no JSON costs an exception: a host must not be able to keep us busy with a million of them.
  const likely = lines.filter((line) => line.startsWith('{')).slice(0, mostContainers);
  return likely.flatMap((line) => {
    const record = parseRecord(line, now);
    return record ? [record] : [];
  });
}

// A host can print anything: what has not the shape of a container is none.
function parseRecord(line: string, now: number): ContainerRecord | undefined {
  const raw = parseObject(line);
  const state = asRecord(raw?.['state']);
  const id = asText(raw?.['id']);
  if (!raw || !state || !/^[0-9a-f]{64}$/.test(id)) return undefined;
  const started = Date.parse(asText(state['StartedAt']));
  const health = asText(asRecord(state['Health'])?.['Status']);
  return {
    id,
    name: asText(raw['name']).replace(/^\//, ''),
    image: quoteLine(asText(raw['image'])),
    status: quoteLine(asText(state['Status']), 20),
    restarts: asNumber(raw['restarts']),
    exitCode: asNumber(state['ExitCode']),
    outOfMemory: state['OOMKilled'] === true,
    error: quoteLine(asText(state['Error'])),
    upSeconds: Math.max(0, (now - started) / 1000) || 0,
    ...(health !== '' && { health }),
    restartPolicy: quoteLine(asText(raw['policy']), 20),
    labels: Object.fromEntries(
      Object.entries(asRecord(raw['labels']) ?? {}).map(([key, value]) => [key, asText(value)]),
    ),
  };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    return asRecord(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function asNumber(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
