import { ProvisionError } from '../../core/errors.ts';
import type { RecordedEvent } from '../../core/run-record.ts';
import { didYouMean } from '../../core/suggest.ts';
import { chooseRecord, listRecords, readEvents } from '../../records/read-records.ts';
import { stateOf } from '../../records/running-process.ts';
import { lastPart } from '../../records/unfinished-hosts.ts';
import { renderExplanation, renderRecord } from '../../report/render-record.ts';
import { renderRuns } from '../../report/run-list.ts';
import type { Sink } from '../../report/sink.ts';
import { terminalStyle } from '../terminal.ts';
import type { RunsRequest } from '../program/runs.ts';
import { recordsFolder } from '../records-folder.ts';

/**
 * Shows what is recorded of earlier runs; contacts nothing and needs no inventory.
 * @returns the exit code
 */
export async function runsCommand(request: RunsRequest, sink: Sink): Promise<number> {
  const folder = recordsFolder();
  const records = await listRecords(folder);
  if (request.ask === 'list') {
    const runs = records.map((record) => ({ record, state: stateOf(record) }));
    if (request.output === 'jsonl') runs.forEach(({ record, state }) => sink.json({ ...record, state }));
    else if (runs.length === 0) sink.message(`no run is recorded in ${folder}`);
    else sink.result(renderRuns(runs, style()), 'own');
    return 0;
  }
  const record = chooseRecord(records, request.id);
  const run = { record, state: stateOf(record) };
  const all = await readEvents(folder, record.id);
  if (request.ask === 'explain') refuseUnknown(all, request);
  if (request.output === 'jsonl') {
    const asked = request.ask === 'explain' ? all.filter((event) => isAbout(event, request)) : all;
    asked.forEach((event) => sink.json(event));
    return 0;
  }
  const events = lastPart(all);
  const text =
    request.ask === 'show'
      ? await renderRecord(run, events, style())
      : await renderExplanation(run, events, request, style());
  sink.result(text, 'own');
  return 0;
}

function style() {
  const { color, unicode } = terminalStyle();
  return { color: color.stdout, unicode, folder: process.cwd() };
}

interface About {
  readonly host?: string;
  readonly step?: string;
}

function isAbout(event: RecordedEvent, { host, step }: About): boolean {
  if (host === undefined) return true;
  if (!('host' in event) || event.host !== host) return false;
  return step === undefined || !('step' in event) || event.step === step;
}

/** @throws ProvisionError `USAGE` for a host or a step that the run did not have */
function refuseUnknown(events: readonly RecordedEvent[], { host, step }: About): void {
  if (host === undefined) return;
  const ofHost = events.filter((event) => 'host' in event && event.host === host);
  const hosts = events.flatMap((event) => ('host' in event ? [event.host] : []));
  if (ofHost.length === 0) throw unknown('host', host, hosts);
  const steps = ofHost.flatMap((event) => ('step' in event ? [event.step] : []));
  if (step !== undefined && !steps.includes(step)) throw unknown(`step on ${host}`, step, steps);
}

function unknown(what: string, name: string, all: readonly string[]): ProvisionError {
  const known = [...new Set(all)];
  const near = didYouMean(name, known);
  return new ProvisionError({
    code: 'USAGE',
    happened: `this run knows no ${what} called "${name}"`,
    remedy: near === undefined ? `it knows: ${known.slice(0, 20).join(', ')}` : `did you mean "${near}"?`,
  });
}
