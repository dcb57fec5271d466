import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { Sink } from '../report/sink.ts';

/**
 * Closes the ways by which a process shows what it holds without being asked: what a playbook prints goes through the sink,
 * as does an error that nobody caught; a report of Node leaves the environment out; a signal opens no debugger.
 * @param onCrash told of an error that nobody caught; it must end the process
 * @see https://nodejs.org/api/process.html#signal-events for SIGUSR1
 */
export function guardProcess(sink: Pick<Sink, 'message'>, onCrash: (error: unknown) => void): void {
  process.on('uncaughtException', onCrash);
  process.on('unhandledRejection', onCrash);
  process.on('SIGUSR1', () => undefined);
  const { report } = process as { readonly report?: { excludeEnv?: boolean } };
  if (report && 'excludeEnv' in report) report.excludeEnv = true;
  // To stderr, as stdout is the result: a print in a playbook must not break JSON.
  const stream = new LineStream((line) => sink.message(line));
  globalThis.console = new Console({ stdout: stream, stderr: stream, colorMode: false });
}

/** Hands on whole lines. */
class LineStream extends Writable {
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    super({ decodeStrings: false });
    this.#onLine = onLine;
  }

  // The console writes whole messages, each with a line break at its end.
  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.#onLine(chunk.toString().replace(/\n$/, ''));
    done();
  }
}
