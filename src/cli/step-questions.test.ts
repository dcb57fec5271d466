import { expect, test } from 'vitest';
import { file } from '../resources/file.ts';
import { recordingSink } from '../report/test-streams.ts';
import type { RunRequest } from './program/run.ts';
import { Interrupted } from './prompts.ts';
import { refuseUnasked, stepQuestions } from './step-questions.ts';

const step = file({ path: '/etc/motd', content: 'new\n' });
const changes = [{ type: 'text', path: 'content', have: 'old\n', want: 'new\n' }] as const;

function conversation(...given: ('yes' | 'no' | 'all' | 'quit' | Error)[]) {
  const { sink, stderr } = recordingSink();
  const asked: string[] = [];
  let stopped = 0;
  const ask = async (message: string, _answers: unknown, usual: string) => {
    asked.push(`${message} [${usual}]`);
    const answer = given.shift();
    if (answer instanceof Error) throw answer;
    return answer as never;
  };
  const confirm = stepQuestions(sink, () => stopped++, ask);
  return { confirm, stderr, asked, stops: () => stopped };
}

test('a question shows the diff of its step, and Return alone is a no', async () => {
  const { confirm, stderr, asked } = conversation('yes');
  expect(await confirm('web-1', step, changes)).toBe(true);
  expect(stderr.written).toMatch(/web-1 {2}file \/etc\/motd[^]*-old[^]*\+new/);
  expect(asked).toEqual(['Make this change on web-1? [n]']);
});

test('no is for this step, all for every one that follows', async () => {
  const { confirm, asked } = conversation('no', 'all');
  expect(await confirm('web-1', step, changes)).toBe(false);
  expect(await confirm('web-1', step, changes)).toBe(true);
  expect(await confirm('web-2', step, changes)).toBe(true);
  expect(asked).toHaveLength(2);
});

test.each(['quit', new Interrupted({ cause: undefined })] as const)('%s stops the run', async (answer) => {
  const { confirm, stops } = conversation(answer);
  expect(await confirm('web-1', step, changes)).toBe(false);
  expect(stops()).toBe(1);
});

test('--step is refused where nobody can answer', () => {
  const request = (more: Partial<RunRequest>) => ({ step: true, output: 'human', ...more }) as RunRequest;
  expect(() => refuseUnasked(request({}), false)).toThrow(/^NEED_INPUT/);
  expect(() => refuseUnasked(request({ output: 'jsonl' }), false)).toThrow(/^USAGE.*jsonl/);
  expect(() => refuseUnasked(request({}), true)).not.toThrow();
  expect(() => refuseUnasked(request({ step: false }), false)).not.toThrow();
});
