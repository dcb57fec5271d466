import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errorCodes, type Problem } from '../core/errors.ts';
import type { RunEvent } from '../core/event.ts';
import type { RecordedEvent } from '../core/run-record.ts';

/** What a run told with `--output jsonl`, whole. */
export interface EventStream {
  readonly file: string;
  readonly start: RunEvent & { readonly event: 'start' };
  readonly events: readonly RunEvent[];
  readonly summary: RunEvent & { readonly event: 'summary' };
}

/** Bytes of one file; a thousand hosts with a hundred steps each tell some hundred million. */
const mostBytes = 256 * 1024 * 1024;
const mostProblems = 10;

/**
 * Reads a file of events, which may come from anywhere; or tells everything that is wrong with it.
 * @param isRecord it is that of a recorded run, which may hold the check before the run as well, and says when all happened
 */
export async function readEventStream(
  file: string,
  isRecord = false,
): Promise<{ readonly stream: EventStream } | { readonly problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  const fault = (happened: string, line?: number) => problems.push(streamProblem(happened, file, line));
  const events: RunEvent[] = [];
  try {
    const text = await readBounded(file);
    for (const [index, line] of text.split('\n').entries()) {
      if (line === '' || problems.length >= mostProblems) continue;
      const found = parseLine(line, isRecord);
      if (typeof found === 'string') fault(found, index + 1);
      else if (found.event === 'start' && isRecord) events.splice(0, events.length, found);
      else if (found.event === 'start' && events.length > 0) fault('a second run begins here', index + 1);
      else if (events.at(-1)?.event === 'summary') fault('something follows the summary', index + 1);
      else events.push(found);
    }
  } catch (error) {
    fault(`it cannot be read: ${(error as Error).message}`);
  }
  const [start] = events;
  const summary = events.at(-1);
  if (problems.length > 0) return { problems };
  if (start?.event !== 'start') fault('no run begins here: its first line must be the event "start"', 1);
  if (summary?.event !== 'summary')
    fault('it has no summary at its end: this run was killed, or is still going on');
  if (start?.event !== 'start' || summary?.event !== 'summary') return { problems };
  problems.push(...unfit(file, events, summary));
  return problems.length > 0 ? { problems } : { stream: { file, start, events, summary } };
}

/** A problem of a file of events. */
export function streamProblem(happened: string, file: string, line = 1): Problem {
  return {
    code: 'REPORT',
    at: [{ file, line }],
    happened,
    remedy:
      'give the whole output of each slice, made with --output jsonl; run the slice again where it was killed',
  };
}

async function readBounded(file: string): Promise<string> {
  const found = await stat(file);
  if (!found.isFile()) throw new Error('it is no file');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`it has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

type Shape = (value: unknown) => boolean;

const isText: Shape = (value) => typeof value === 'string';
const isNumber: Shape = (value) => typeof value === 'number' && value >= 0;
const oneOf =
  (...words: readonly string[]): Shape =>
  (value) =>
    isText(value) && words.includes(value as string);
const isList =
  (entry: Shape): Shape =>
  (value) =>
    Array.isArray(value) && value.every(entry);
const isObject =
  (required: Readonly<Record<string, Shape>>, optional: Readonly<Record<string, Shape>> = {}): Shape =>
  (value) =>
    wrongKey(value, required, optional) === undefined;
const isPlain: Shape = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The first key that is not as it must be; fields that are not known are left alone. */
function wrongKey(
  value: unknown,
  required: Readonly<Record<string, Shape>>,
  optional: Readonly<Record<string, Shape>>,
): string | undefined {
  if (!isPlain(value)) return 'it';
  const has = (key: string) => Object.hasOwn(value as object, key);
  const entry = (key: string) => (value as Record<string, unknown>)[key];
  const missing = Object.entries(required).find(([key, shape]) => !has(key) || !shape(entry(key)));
  return (missing ?? Object.entries(optional).find(([key, shape]) => has(key) && !shape(entry(key))))?.[0];
}

const mode = oneOf('apply', 'check');
const texts = isList(isText);
const ofHost = isObject({ host: isText, steps: texts }, { leftOut: texts });
const outline = isObject({ name: isText, hosts: isList(ofHost) });
const slice = isObject({ index: isNumber, of: isNumber, plan: isText, hosts: isList(isList(isText)) });
const problem = isObject({ code: oneOf(...Object.keys(errorCodes)), happened: isText }, { remedy: isText });
const counts = isObject({ ok: isNumber, changed: isNumber, failed: isNumber, skipped: isNumber });
const statuses = oneOf('ok', 'changed', 'would-change', 'failed', 'skipped');

type Shapes = readonly [Readonly<Record<string, Shape>>, Readonly<Record<string, Shape>>?];

const shapes: Readonly<Record<RunEvent['event'], Shapes>> = {
  start: [{ schema: oneOf('1.0'), mode, plays: isList(outline) }, { slice }],
  phase: [{ name: isText, hosts: isList(isText) }],
  'step-start': [{ host: isText, play: isText, step: isText }],
  progress: [{ host: isText, text: isText }],
  step: [
    { host: isText, play: isText, step: isText, status: statuses, ms: isNumber, at: isList(isPlain) },
    { problems: isList(problem), changes: isList(isPlain), reason: isText, warning: isText, figure: isText },
  ],
  notice: [{ level: oneOf('info', 'warning'), text: isText }],
  summary: [
    {
      mode,
      exit: isNumber,
      ms: isNumber,
      notes: isList(isText),
      hosts: (value) => isPlain(value) && Object.values(value as object).every(counts),
    },
  ],
};

/** The event of a line, or what is wrong with it. */
function parseLine(line: string, isRecord: boolean): RunEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'this line is no JSON: it was cut off, or something else was written into the file';
  }
  const name = isPlain(value) ? (value as { event?: unknown }).event : undefined;
  const known = typeof name === 'string' && Object.hasOwn(shapes, name);
  if (!known) return 'this line is no event of a run';
  const [required, optional = {}] = shapes[name as RunEvent['event']];
  const key = wrongKey(value, required, optional);
  if (key === 'schema') return 'it has another schema than 1.0: it was written by another provision';
  if (key !== undefined) return `this ${name} event is not whole: look at "${key}"`;
  const { time: _time, ...event } = value as RecordedEvent;
  return isRecord ? event : (value as RunEvent);
}

/** A stream of which lines are missing must not become a report. */
function unfit(file: string, events: readonly RunEvent[], summary: EventStream['summary']): Problem[] {
  const problems: Problem[] = [];
  const told = new Map<string, number>();
  for (const event of events) {
    if (event.event !== 'step') continue;
    told.set(event.host, (told.get(event.host) ?? 0) + 1);
  }
  for (const [host, { ok, changed, failed, skipped, wouldChange = 0, leftOut = 0 }] of Object.entries(
    summary.hosts,
  )) {
    const counted = ok + changed + failed + skipped + wouldChange + leftOut;
    const lines = told.get(host) ?? 0;
    told.delete(host);
    if (lines !== counted)
      problems.push(
        streamProblem(`its summary counts ${counted} steps of ${host}, and it tells ${lines}`, file),
      );
  }
  for (const host of told.keys())
    problems.push(streamProblem(`it tells steps of ${host}, which its summary does not know`, file));
  return problems.slice(0, mostProblems);
}
