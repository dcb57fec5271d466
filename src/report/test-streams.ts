import { Writable } from 'node:stream';
import { createSink, type Sink, type TerminalStream } from './sink.ts';

/** A stream that remembers what was written to it; for tests. */
export class RecordingStream extends Writable {
  written = '';
  writes = 0;
  columns = 80;
  rows = 24;

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.written += chunk.toString();
    if (chunk.length > 0) this.writes++;
    done();
  }
}

/** A sink over two recording streams. */
export function recordingSink(options: { unicode?: boolean } = {}): {
  sink: Sink;
  stdout: RecordingStream;
  stderr: RecordingStream;
} {
  const stdout = new RecordingStream();
  const stderr = new RecordingStream();
  const streams: Record<'stdout' | 'stderr', TerminalStream> = { stdout, stderr };
  return { sink: createSink({ ...streams, unicode: options.unicode ?? true }), stdout, stderr };
}
