import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Secret } from '../core/secret.ts';
import { createSink } from './sink.ts';
import { RecordingStream, recordingSink } from './test-streams.ts';

const canary = new Secret('canary-4711', 'canary').reveal();

class BrokenStream extends Writable {
  attempts = 0;
  readonly #code: string;

  constructor(code: string) {
    super({ autoDestroy: false });
    this.#code = code;
  }

  override _write(_chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.attempts++;
    done(Object.assign(new Error(this.#code), { code: this.#code }));
  }
}

describe('createSink', () => {
  it('masks and makes harmless what goes to either stream', () => {
    const { sink, stdout, stderr } = recordingSink();
    sink.result(`token ${canary}\u001b[2J`);
    sink.message(`token ${canary}\u001b[31m`);
    expect(stdout.written).toBe('token ***\\x1b[2J\n');
    expect(stderr.written).toBe('token ***\\x1b[31m\n');
  });

  it('lets the colours of our own views through, and nothing else', () => {
    const { sink, stderr } = recordingSink();
    sink.message(`\u001b[31mred\u001b[39m ${canary} \u001b]0;x\u0007`, 'own');
    expect(stderr.written).toBe('\u001b[31mred\u001b[39m *** \\x1b]0;x\\x07\n');
  });

  it('writes cursor moves and text at once', () => {
    const { sink, stderr } = recordingSink();
    sink.draw([{ control: '\u001b[2A' }, `line ${canary}`, { control: '\u001b[K' }]);
    expect(stderr.written).toBe('\u001b[2Aline ***\u001b[K');
    expect(stderr.writes).toBe(1);
  });

  it('gives ASCII to a terminal that cannot show UTF-8', () => {
    const { sink, stdout } = recordingSink({ unicode: false });
    sink.result('mode: 0644 → 0600 — ü');
    expect(stdout.written).toBe('mode: 0644 -> 0600 - \\u00fc\n');
  });

  it('keeps the true characters in JSON, escaped', () => {
    const { sink, stdout } = recordingSink();
    const text = 'a\u001b[2J\u009b\u202e\u2028"ü';
    sink.json({ text });
    expect(stdout.written).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]*\n$/);
    expect(JSON.parse(stdout.written)).toEqual({ text });
  });

  it('masks every text and key in JSON, and numbers that are a secret', () => {
    const { sink, stdout } = recordingSink();
    new Secret('80224466', 'pin');
    sink.json({ hosts: { [canary]: { seen: [`x${canary}x`, 80224466] } } });
    expect(JSON.parse(stdout.written)).toEqual({ hosts: { '***': { seen: ['x***x', '***'] } } });
  });

  it('goes on quietly when the reader of stdout has gone away', async () => {
    const stdout = new BrokenStream('EPIPE');
    const stderr = new RecordingStream();
    const sink = createSink({ stdout, stderr, unicode: true });
    sink.result('one');
    await new Promise(setImmediate);
    sink.result('two');
    sink.message('still here');
    await sink.flush();
    expect(stdout.attempts).toBe(1);
    expect(stderr.written).toBe('still here\n');
    expect(sink.failure).toBeUndefined();
  });

  it('remembers that the result could not be written for another reason', async () => {
    const sink = createSink({
      stdout: new BrokenStream('ENOSPC'),
      stderr: new RecordingStream(),
      unicode: true,
    });
    sink.result('one');
    await new Promise(setImmediate);
    expect(sink.failure).toMatchObject({ code: 'ENOSPC' });
  });
});
