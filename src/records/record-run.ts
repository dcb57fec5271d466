import { randomBytes } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../core/event.ts';
import type { RunRecord } from '../core/run-record.ts';
import { replaceFile } from '../local/replace-file.ts';
import { openRecordsFolder } from './records-folder.ts';
import { pruneRecords } from './prune-records.ts';
import { processStart } from './running-process.ts';

/** What is known of a run before it begins. */
export type RunOutline = Pick<
  RunRecord,
  'version' | 'command' | 'options' | 'inventory' | 'playbook' | 'sha256' | 'hosts' | 'user'
>;

export interface RecordOptions {
  /** `…/provision/runs`. */
  readonly folder: string;
  /** Plain data as one line that may be kept: masked, harmless, bounded. */
  readonly toLine: (value: object) => string;
  /** Told once, when the record cannot be made or goes no further. */
  readonly warn: (text: string) => void;
}

/** Keeps the record of a run while it goes on. Nothing that goes wrong with it is thrown. */
export interface RunRecorder {
  /** Undefined when no record could be made. */
  readonly id: string | undefined;
  take(event: RunEvent): void;
  /** The last thing that a run does. */
  end(exit: number): void;
}

// A run that tells more than this has told what it has to tell.
const mostBytes = 64 * 1024 * 1024;

/**
 * Begins a record: a folder of its own below `folder`, with `run.json` and `events.jsonl`, both for this user only.
 * @example
 * const recorder = recordRun(outline, { folder, toLine: jsonLine, warn });
 */
export function recordRun(outline: RunOutline, options: RecordOptions): RunRecorder {
  try {
    openRecordsFolder(options.folder);
    const recorder = new FolderRecorder(outline, options);
    void pruneRecords(options.folder, { keep: recorder.id }).catch(() => undefined);
    return recorder;
  } catch (error) {
    options.warn(`this run is not recorded: ${error instanceof Error ? error.message : String(error)}`);
    return { id: undefined, take: () => undefined, end: () => undefined };
  }
}

class FolderRecorder implements RunRecorder {
  readonly id: string;
  readonly #folder: string;
  readonly #options: RecordOptions;
  readonly #events: number;
  readonly #startedAt = performance.now();
  #record: RunRecord;
  #bytes = 0;
  #ended = false;

  constructor(outline: RunOutline, options: RecordOptions) {
    const started = new Date();
    this.#options = options;
    this.id = makeOwnFolder(options.folder, started);
    this.#folder = join(options.folder, this.id);
    const start = processStart('self');
    this.#record = {
      schema: '1.0',
      id: this.id,
      ...outline,
      machine: hostname(),
      pid: process.pid,
      ...(start !== undefined && { processStart: start }),
      started: started.toISOString(),
    };
    this.#writeRecord();
    this.#events = openNew(join(this.#folder, 'events.jsonl'));
  }

  take(event: RunEvent): void {
    if (this.#ended) return;
    if (event.event === 'start') this.#update({ mode: event.mode });
    if (event.event === 'summary') this.#record = { ...this.#record, counts: event.hosts };
    if (this.#record.incomplete !== undefined) return;
    const line = Buffer.from(`${this.#options.toLine({ ...event, time: new Date().toISOString() })}\n`);
    this.#bytes += line.length;
    if (this.#bytes > mostBytes) this.#stop(`it has more than ${mostBytes / 1024 / 1024} MB`);
    else this.#trying(() => this.#append(line));
  }

  end(exit: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#trying(() => closeSync(this.#events));
    const ms = Math.round(performance.now() - this.#startedAt);
    this.#update({ ended: new Date().toISOString(), ms, exit });
  }

  /** At once, not when there is time: the process may be killed with the next event, which is when this one matters. */
  #append(line: Uint8Array): void {
    const written = writeSync(this.#events, line);
    if (written < line.length) throw new Error('the disk took half of a line');
  }

  #stop(why: string): void {
    if (this.#record.incomplete !== undefined) return;
    this.#options.warn(`the record of this run is not complete: ${why}`);
    this.#update({ incomplete: why });
  }

  #update(news: Partial<RunRecord>): void {
    this.#record = { ...this.#record, ...news };
    this.#trying(() => this.#writeRecord());
  }

  #trying(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#stop(error instanceof Error ? error.message : String(error));
    }
  }

  /** Not brought to the disk: hosts are not kept waiting for the memory of them. */
  #writeRecord(): void {
    const text = `${this.#options.toLine(this.#record)}\n`;
    replaceFile(join(this.#folder, 'run.json'), text, { flush: false });
  }
}

/** A folder that nobody else has: its name says when, and making it fails where it is there already. */
function makeOwnFolder(folder: string, started: Date): string {
  const [day, time] = started.toISOString().replaceAll('-', '').replaceAll(':', '').slice(0, -1).split('T');
  for (let attempt = 0; ; attempt++) {
    const id = `${day}-${time!.replace('.', '-')}-${randomBytes(3).toString('hex')}`;
    try {
      mkdirSync(join(folder, id), { mode: 0o700 });
      return id;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === 10) throw error;
    }
  }
}

/** Never through a link, never a file that is there. */
function openNew(path: string): number {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  return openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}
