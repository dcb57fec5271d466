import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Result, Row } from '../../scripts/reliability.mjs';
import { claimedRows, tally, write } from '../../scripts/reliability.mjs';

const rows: Row[] = [
  { id: 'T1', what: 'a hole' },
  { id: 'S02', what: 'an attack' },
  { id: 'F11', what: 'a fault' },
  { id: 'F12', what: 'another', notMeasured: 'needs a moon' },
];
const passed = (...titles: string[]): Result => ({ titles, status: 'passed' });
const rowOf = (results: Result[], id: string) =>
  write(tally(rows, results))
    .page.split('\n')
    .find((line) => line.startsWith(`| ${id} |`));

test.each<[string[], string[]]>([
  [['F12: the line is cut'], ['F12']],
  [['S2: short'], ['S02']],
  [['T04: long'], ['T4']],
  [['F11, F13: both'], ['F11', 'F13']],
  [['F11,F13, S01: all'], ['F11', 'F13', 'S01']],
  [['F11, with a comma'], ['F11']],
  [['T1: a hole', 'ours'], ['T1']],
  [['a group', 'F11: in it'], ['F11']],
  [['the key F12 of a keyboard'], []],
  [['F12 without a colon'], []],
  [['F123: no row'], []],
  [['XF12: no row'], []],
])('%j claims %j', (titles, ids) => {
  expect(claimedRows(titles)).toEqual(ids);
});

test('each test is a case of the rows that it claims', () => {
  const results = [passed('F11: a'), passed('F11, S02: b'), passed('nothing')];
  expect(rowOf(results, 'F11')).toBe('| F11 | a fault | pass, 2 cases |');
  expect(rowOf(results, 'S02')).toBe('| S02 | an attack | pass, 1 case |');
  expect(rowOf(results, 'T1')).toBe('| T1 | a hole | not shown yet |');
  expect(rowOf(results, 'F12')).toBe('| F12 | another | not measured: needs a moon |');
  expect(rowOf([passed('F12: on the moon')], 'F12')).toBe(
    '| F12 | another | pass, 1 case; not measured: needs a moon |',
  );
});

test('one test that fails is enough to lose the row', () => {
  const results = [passed('F11: a'), { titles: ['F11: b'], status: 'failed' }];
  expect(rowOf(results, 'F11')).toBe('| F11 | a fault | **fails**, 2 cases |');
  expect(write(tally(rows, results)).line).toContain('0 of 2 faults, in 2 test cases');
});

test('a case that counts for two rows is one case of the total', () => {
  const { line } = write(tally(rows, [passed('F11, F12: a'), passed('F11: b'), passed('T1: c', 'bare')]));
  expect(line).toMatch(/^1 of 1 defects .*, 0 of 1 attacks, 2 of 2 faults, in 3 test cases /);
});

test('a test that claims a row which does not exist is a mistake', () => {
  expect(() => tally(rows, [passed('F99: x')])).toThrow('There is no row F99');
});

test('the catalogue has each row once, and in order', () => {
  const catalogue = JSON.parse(
    readFileSync(new URL('../reliability/rows.json', import.meta.url), 'utf8'),
  ) as Row[];
  const ids = catalogue.map(({ id }) => id);
  const kind = (id: string) => 'TSF'.indexOf(id[0]!);
  const inOrder = ids.toSorted((a, b) => kind(a) - kind(b) || Number(a.slice(1)) - Number(b.slice(1)));
  expect(ids).toEqual(inOrder);
  expect(new Set(ids).size).toBe(ids.length);
});
