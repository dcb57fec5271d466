import fc from 'fast-check';
import { expect, test } from 'vitest';
import { errorCodes, type ErrorCode } from '../core/errors.ts';
import { exitCodeOf } from './exit-code.ts';

const code = fc.constantFrom(...(Object.keys(errorCodes) as ErrorCode[]));

test.each<[ErrorCode[], number]>([
  [[], 0],
  [['STEP_FAILED'], 2],
  [['DNS'], 4],
  [['DNS', 'STEP_FAILED', 'AUTH'], 6],
  [['HOSTKEY_CHANGED', 'STEP_FAILED', 'DNS'], 8],
  [['LOCKED', 'STEP_FAILED'], 7],
  [['BUG', 'HOSTKEY_CHANGED'], 250],
  [['LOCAL', 'STEP_FAILED'], 2],
  [['LOCAL'], 1],
])('%j ends with %i', (codes, exit) => {
  expect(exitCodeOf(codes)).toBe(exit);
});

test('any problem at all ends with something else than 0', () => {
  fc.assert(fc.property(fc.array(code, { minLength: 1 }), (codes) => exitCodeOf(codes) !== 0));
});

test('the order of the problems does not matter', () => {
  fc.assert(fc.property(fc.array(code), (codes) => exitCodeOf(codes) === exitCodeOf([...codes].reverse())));
});
