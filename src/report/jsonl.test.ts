import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { RunEvent } from '../core/event.ts';
import { Secret } from '../core/secret.ts';
import { runEventSchema } from './event-schema.ts';
import { createJsonLines } from './jsonl.ts';
import { failure, start, step, summaryOf } from './test-events.ts';
import { recordingSink } from './test-streams.ts';

const canary = new Secret('canary-4711', 'canary').reveal();

function written(...events: RunEvent[]): string[] {
  const { sink, stdout } = recordingSink();
  events.forEach(createJsonLines(sink));
  return stdout.written.split('\n').slice(0, -1);
}

const everyEvent: RunEvent[] = [
  start({ 'lb-1': ['file /etc/nginx/nginx.conf'] }),
  { event: 'phase', name: 'lb', hosts: ['lb-1'] },
  { event: 'step-start', host: 'lb-1', play: 'lb', step: 'file /etc/nginx/nginx.conf' },
  { event: 'progress', host: 'lb-1', text: 'waiting' },
  step(),
  step({
    status: 'changed',
    ms: 120.4,
    changes: [
      { type: 'value', path: 'mode', have: '0644', want: '0600' },
      { type: 'text', path: 'content', want: 'a\nb\n' },
      { type: 'secret', path: 'key', have: 'differs' },
      { type: 'unknown', path: 'id' },
    ],
  }),
  step({ step: 'requirement cpu', figure: '2 CPUs', warning: '2 CPUs; the rule: 4 CPUs' }),
  step({ status: 'skipped', reason: 'this host failed before' }),
  failure,
  { event: 'notice', level: 'warning', text: 'clock is off' },
  summaryOf({ 'lb-1': { ok: 1, changed: 2, failed: 1, skipped: 1 } }, { exit: 2 }),
];

describe('createJsonLines', () => {
  it('writes steps and the summary in the published shape', () => {
    const [line, last] = written(step({ status: 'changed', ms: 120.4 }), everyEvent.at(-1)!);
    expect(line).toMatch(
      /^\{"event":"step","host":"lb-1","step":"file \/etc\/nginx\/nginx.conf","status":"changed","ms":120,/,
    );
    expect(last).toMatch(
      /^\{"event":"summary","hosts":\{"lb-1":\{"ok":1,"changed":2,"failed":1,"skipped":1\}\},"exit":2,/,
    );
  });

  it('writes every kind of event as one line that the schema accepts', () => {
    const schema = z.fromJSONSchema(runEventSchema as unknown as Parameters<typeof z.fromJSONSchema>[0]);
    const lines = written(...everyEvent);
    expect(lines).toHaveLength(everyEvent.length);
    for (const line of lines)
      expect(schema.safeParse(JSON.parse(line)), line).toMatchObject({ success: true });
  });

  it.each([
    ['an unknown event', { event: 'done' }],
    ['an unknown status', { ...step(), status: 'fine' }],
    ['a step without its host', { ...step(), host: undefined }],
    ['a summary without exit', { ...summaryOf({}), exit: undefined }],
    ['an unknown code', { ...failure, problems: [{ code: 'NOPE', happened: 'x' }] }],
  ])('has a schema that refuses %s', (_name, event) => {
    const schema = z.fromJSONSchema(runEventSchema as unknown as Parameters<typeof z.fromJSONSchema>[0]);
    expect(schema.safeParse(JSON.parse(JSON.stringify(event))).success).toBe(false);
  });

  it('never writes a secret, but keeps the words of the shape', () => {
    new Secret('changed', 'a bad password');
    const event = step({
      status: 'changed',
      changes: [{ type: 'text', path: 'content', have: `a=${canary}\n`, want: 'x changed\n' }],
      figure: Buffer.from(canary).toString('base64'),
      problems: [{ code: 'STEP_FAILED', happened: 'x', detail: `\u001b[1m${canary}` }],
    });
    const [line] = written(event);
    expect(line).not.toContain(canary);
    expect(line).not.toContain(Buffer.from(canary).toString('base64'));
    expect(JSON.parse(line!)).toMatchObject({
      status: 'changed',
      changes: [{ have: 'a=***\n', want: 'x ***\n' }],
      problems: [{ detail: '\u001b[1m***' }],
    });
  });
});
