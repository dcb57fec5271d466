import { expect, test } from 'vitest';
import type { Plan } from '../core/plan.ts';
import { resource } from '../core/resource.ts';
import { Secret } from '../core/secret.ts';
import { Seal } from './seal.ts';

const file = resource({
  kind: 'file',
  want: (props: { path: string; content: string | Secret }) => props,
  id: ({ path }) => path,
  read: async () => undefined as { sha256: string } | undefined,
  apply: async () => undefined,
});

function planOf(...contents: (string | Secret)[]): Plan {
  const steps = contents.map((content, index) => file({ path: `/${index}`, content }));
  const hosts = [{ host: 'a', steps, notes: [] }];
  return { plays: [{ name: 'p', group: 'g', hosts, dependsOn: [] }] };
}

test('the same value has the same hash in every process that has the secrets and the salt', async () => {
  const seals = ['one', 'two'].map((name) => new Seal(planOf('x', new Secret('hunter2', name)), 'salt'));
  const hashes = await Promise.all(seals.map((seal) => seal.of({ mode: '0644', sha256: 'abc' })));
  expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(hashes[1]).toBe(hashes[0]);
});

test('whoever lacks a secret, or has another salt, finds another hash for the same value', async () => {
  const plans = [planOf(new Secret('hunter2', 'a')), planOf(new Secret('hunter3', 'a')), planOf('hunter2')];
  const seals = [...plans.map((plan) => new Seal(plan, 'salt')), new Seal(plans[0]!, 'other')];
  const hashes = await Promise.all(seals.map((seal) => seal.of({ sha256: 'abc' })));
  expect(new Set(hashes).size).toBe(4);
});

test('what is read must be data', () => {
  expect(() => new Seal(planOf('x'), 'salt').of({ call: () => 1 })).toThrow('a function (at call)');
});
