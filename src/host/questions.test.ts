import { expect, test } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import type { Question } from '../core/host.ts';
import { sh } from '../core/script.ts';
import { MemoryHost } from './memory-host.ts';

const lengths: Question<number> = async (host, words) => {
  const { stdout } = await host.probe(sh`lengths ${words}`);
  if (stdout.includes('broken')) throw new Error('one of them is broken');
  if (stdout.includes('lost')) throw new ProvisionError({ code: 'CONN_LOST', happened: 'the line broke' });
  return new Map(
    stdout
      .split(' ')
      .slice(1)
      .map((word) => [word, word.length]),
  );
};

function hostThatEchoes(): MemoryHost {
  return new MemoryHost().answer(/^lengths/, (script) => script);
}

test('what is asked in one tick is asked once, also after waiting for what is known already', async () => {
  const host = hostThatEchoes();
  const late = async () => {
    await host.facts();
    await Promise.resolve();
    return host.ask(lengths, 'later');
  };
  expect(await Promise.all([host.ask(lengths, 'one'), host.ask(lengths, 'three'), late()])).toEqual([
    3, 5, 5,
  ]);
  expect(await host.ask(lengths, 'one')).toBe(3);
  expect(host.probes).toEqual(['lengths one three later', 'lengths one']);
});

test('what has no answer is undefined', async () => {
  expect(await new MemoryHost().answer(/^lengths/, '').ask(lengths, 'one')).toBeUndefined();
});

test('one that cannot be answered does not spoil the others', async () => {
  const host = hostThatEchoes();
  const asked = ['one', 'broken', 'three'].map((word) => host.ask(lengths, word));
  expect(await Promise.allSettled(asked)).toMatchObject([
    { value: 3 },
    { reason: expect.objectContaining({ message: 'one of them is broken' }) as unknown },
    { value: 5 },
  ]);
  expect(host.probes).toHaveLength(4);
});

test('a line that broke is not asked again', async () => {
  const host = hostThatEchoes();
  const asked = ['one', 'lost'].map((word) => host.ask(lengths, word));
  for (const { status } of await Promise.allSettled(asked)) expect(status).toBe('rejected');
  expect(host.probes).toHaveLength(1);
});

test('more than one command line holds is asked in parts', async () => {
  const host = hostThatEchoes();
  const words = Array.from({ length: 450 }, (_, index) => `word-${index}`);
  const answers = await Promise.all(words.map((word) => host.ask(lengths, word)));
  expect(answers).toEqual(words.map((word) => word.length));
  expect(host.probes).toHaveLength(3);
});
