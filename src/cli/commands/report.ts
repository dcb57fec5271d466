import { resolve } from 'node:path';
import { ProvisionError, throwProblems } from '../../core/errors.ts';
import type { RunEvent } from '../../core/event.ts';
import { combineExits } from '../../engine/exit-code.ts';
import { replaceFile } from '../../local/replace-file.ts';
import { jsonLine } from '../../report/json-line.ts';
import { ordered } from '../../report/jsonl.ts';
import { mergeSlices } from '../../report/merge-slices.ts';
import { readEventStream } from '../../report/read-event-stream.ts';
import { createReporter } from '../../report/report.ts';
import type { Sink } from '../../report/sink.ts';
import { eventSource, type EventSource } from '../event-source.ts';
import { terminalStyle } from '../terminal.ts';
import type { ReportRequest } from '../program/report.ts';

/**
 * Makes one report of the slices of a run; contacts nothing.
 * @returns the exit code that the run in one piece would have had
 */
export async function reportCommand(request: ReportRequest, sink: Sink): Promise<number> {
  const sources = await Promise.all(request.files.map(eventSource));
  refuseOverwriting(request, sources);
  const read = [];
  for (const { file, isRecord } of sources) read.push(await readEventStream(file, isRecord));
  throwProblems(read.flatMap((each) => ('problems' in each ? each.problems : [])));
  const streams = read.flatMap((each) => ('stream' in each ? [each.stream] : []));
  const events = mergeSlices(streams, combineExits);
  await show(events, request, sink);
  if (request.out !== undefined) write(request.out, events);
  const summary = events.at(-1);
  if (summary?.event !== 'summary') throw new Error('a merged report has no summary');
  const pending = Object.values(summary.hosts).some(({ wouldChange = 0 }) => wouldChange > 0);
  return summary.exit === 0 && pending && request.detailedExitcode ? 20 : summary.exit;
}

async function show(events: readonly RunEvent[], { output, diff }: ReportRequest, sink: Sink): Promise<void> {
  const { color, unicode } = terminalStyle();
  const view = { color, unicode, verbosity: 0, showDiff: diff, folder: process.cwd() };
  const reporter = await createReporter({ ...view, sink, output, live: false });
  // Of what is over, people want the outcome; programs want all of it.
  const isOutcome = ({ event }: RunEvent) => event === 'start' || event === 'step' || event === 'summary';
  events.filter((event) => output === 'jsonl' || isOutcome(event)).forEach(reporter.listener);
  await reporter.close();
}

function refuseOverwriting({ out }: ReportRequest, sources: readonly EventSource[]): void {
  if (out === undefined || !sources.some(({ file }) => resolve(file) === resolve(out))) return;
  throw new ProvisionError({
    code: 'USAGE',
    happened: `${out} is one of the files that are merged, and would be overwritten`,
    remedy: 'name another file with --out',
  });
}

function write(out: string, events: readonly RunEvent[]): void {
  try {
    replaceFile(out, events.map((event) => `${jsonLine(ordered(event))}\n`).join(''));
  } catch (error) {
    throw new ProvisionError(
      { code: 'LOCAL', happened: `the report could not be written: ${(error as Error).message}` },
      { cause: error },
    );
  }
}
