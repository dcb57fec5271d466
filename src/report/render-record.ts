import type { RecordedEvent } from '../core/run-record.ts';
import { cleanEvent, cleaner } from './clean-event.ts';
import { createView } from './create-view.ts';
import { explainHost, explainRun, explainStep } from './explain-run.ts';
import { mapTexts } from './map-texts.ts';
import { recordedRun } from './recorded-run.ts';
import type { ListedRun } from './run-list.ts';
import type { View } from './view.ts';

export interface RenderRecordOptions {
  readonly color: boolean;
  readonly unicode: boolean;
  /** Files inside this folder are shown relative to it. */
  readonly folder?: string;
}

/**
 * A recorded run as it was shown at its end.
 * @param events of the part of the run that is to be shown
 */
export async function renderRecord(
  run: ListedRun,
  events: readonly RecordedEvent[],
  options: RenderRecordOptions,
): Promise<string> {
  const { view, clean } = await prepare(run, events, options, false);
  return recordedRun(clean.run, clean.events, view).join('\n');
}

/** Why a run, a host of it, or a step of that, came to what it came to. */
export async function renderExplanation(
  run: ListedRun,
  events: readonly RecordedEvent[],
  about: { readonly host?: string; readonly step?: string },
  options: RenderRecordOptions,
): Promise<string> {
  const { view, clean } = await prepare(run, events, options, true);
  const { host, step } = mapTexts(about, cleaner(options.unicode));
  const lines =
    host === undefined
      ? explainRun(clean.run, clean.events, view)
      : step === undefined
        ? explainHost(clean.events, host, view)
        : explainStep(clean.events, host, step, view);
  return lines.join('\n');
}

async function prepare(
  run: ListedRun,
  events: readonly RecordedEvent[],
  options: RenderRecordOptions,
  showDiff: boolean,
): Promise<{ view: View; clean: { run: ListedRun; events: RecordedEvent[] } }> {
  const { folder, unicode, color } = options;
  const view = await createView({ unicode, verbosity: 0, showDiff, folder }, color);
  const clean = {
    run: { ...run, record: mapTexts(run.record, cleaner(unicode)) },
    events: events.map((event) => cleanEvent(event, unicode)),
  };
  return { view, clean };
}
