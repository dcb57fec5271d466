import { expect, test } from 'vitest';
import { callSite } from './source.ts';

const here = (): string => callSite()[0]!.file;
const line = (): number => callSite()[1]!.line;

test('the call site is the line that called, the same for every host and another one for another line', () => {
  const inLoop = [1, 2, 3].map(() => line());
  const elsewhere = line();
  expect(here()).toMatch(/source\.test\.ts$/);
  expect(inLoop).toEqual([inLoop[0], inLoop[0], inLoop[0]]);
  expect(elsewhere).toBe(inLoop[0]! + 1);
});

test('a call site tells the whole way, also where its last part is shared', () => {
  const shared = () => callSite();
  const one = shared();
  const other = shared();
  expect(one[0]).toEqual(other[0]);
  expect(other[1]!.line).toBe(one[1]!.line + 1);
});

test('a call site cannot be changed by who is given it', () => {
  const site = callSite();
  expect(() => (site as unknown[]).push('other')).toThrow(TypeError);
});
