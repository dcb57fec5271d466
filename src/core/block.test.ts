import { expect, test } from 'vitest';
import { block } from './block.ts';
import { resource } from './resource.ts';

const thing = resource({
  kind: 'thing',
  want: (props: { name: string }) => props,
  id: ({ name }) => name,
  read: () => Promise.resolve(undefined),
  apply: () => Promise.resolve(),
});

test('tags of blocks add up, and the policy nearest to a step counts', () => {
  const inner = block({ tags: ['tls'], retry: { retries: 1, delayMs: 5 } }, [thing({ name: 'a' })]);
  const [a, b] = block({ tags: ['web', 'tls'], retry: { retries: 9, delayMs: 5 }, deadlineMs: 100 }, [
    inner,
    [thing({ name: 'b' })],
  ]);
  expect(a).toMatchObject({ id: 'thing a', tags: ['tls', 'web'], retry: { retries: 1 }, deadlineMs: 100 });
  expect(b).toMatchObject({ id: 'thing b', tags: ['web', 'tls'], retry: { retries: 9 } });
});

test('a block tells all that makes no sense at once', () => {
  const nonsense = { tags: ['a b'], retry: { retries: 0, delayMs: -1 }, deadlineMs: 0 };
  expect(() => block(nonsense, [])).toThrow(
    'a block cannot have the tag "a b", retries below 1, a pause below 0 ms, a deadline of 0 ms or less',
  );
});
