import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonical } from './canonical.ts';
import { sh } from './script.ts';
import { Secret } from './secret.ts';

const data = fc.anything({
  withBigInt: true,
  withDate: false,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withTypedArray: false,
  withSparseArray: false,
});

/** The same value with the keys of all its objects set in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (value instanceof Map) return new Map([...value].reverse().map(([key, entry]) => [key, turned(entry)]));
  if (value instanceof Set) return new Set([...value].reverse());
  if (typeof value !== 'object' || value === null) return value;
  const copy = {};
  for (const [key, entry] of Object.entries(value).reverse()) {
    Object.defineProperty(copy, key, { value: turned(entry), enumerable: true });
  }
  return copy;
}

/** What is left when undefined properties count as absent; vitest compares the rest by itself, strictly. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (value instanceof Map)
    return new Map([...value].map((pair) => pair.map(withoutUndefined) as [unknown, unknown]));
  if (value instanceof Set) return new Set([...value].map(withoutUndefined));
  if (typeof value !== 'object' || value === null) return value;
  const copy = {};
  for (const [key, entry] of Object.entries(value)) {
    if (entry !== undefined)
      Object.defineProperty(copy, key, { value: withoutUndefined(entry), enumerable: true });
  }
  return copy;
}

describe('the canonical text of a value', () => {
  test('does not depend on the order in which keys were set', () => {
    fc.assert(fc.property(data, (value) => canonical(turned(value)) === canonical(value)));
  });

  test('is another for every other value', () => {
    const isSame = (a: unknown, b: unknown) => {
      try {
        expect(withoutUndefined(a)).toStrictEqual(withoutUndefined(b));
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(data, data, (a, b) => {
        if (!isSame(a, b)) expect(canonical(a)).not.toBe(canonical(b));
      }),
      { numRuns: 2000 },
    );
  });

  test.each<readonly [unknown, unknown]>([
    [undefined, null],
    [0, -0],
    [NaN, 'NaN'],
    [1n, 1],
    ['1', 1],
    [[], {}],
    [[undefined], []],
    [new Map(), {}],
    [new Map([['a', 1]]), { a: 1 }],
    [new Set([1]), [1]],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [Buffer.from('ab'), 'ab'],
    [Buffer.from('ab'), [97, 98]],
    [new Secret('hunter2', 'a'), 'hunter2'],
    [sh`ls`, 'ls'],
    [/a/, '/a/'],
    [/a/, /a/i],
    [{ a: 'x","b":"y' }, { a: 'x', b: 'y' }],
  ])('tells alike values apart: %#', (a, b) => {
    expect(canonical(a)).not.toBe(canonical(b));
    expect(canonical({ deep: [a] })).not.toBe(canonical({ deep: [b] }));
  });

  test('takes undefined properties for absent ones, and bytes for bytes', () => {
    expect(canonical({ a: 1, b: undefined })).toBe(canonical({ a: 1 }));
    expect(canonical(Buffer.from('ab'))).toBe(canonical(new Uint8Array([97, 98])));
  });

  test('takes functions by their source, where that is asked for', () => {
    const value = { render: (name: string) => `Hello ${name}` };
    expect(canonical(value, 'source')).toContain('Hello');
    expect(() => canonical(value)).toThrow(/a function \(at render\)/);
  });

  const circle: Record<string, unknown> = {};
  circle['self'] = [circle];
  test.each([
    ['a symbol', { a: Symbol('x') }],
    ['a circle', circle],
    ['an object of the class URL', { at: [new URL('http://a.test')] }],
    ['a date that is none', new Date(NaN)],
  ])('refuses %s', (what, value) => {
    expect(() => canonical(value, 'source')).toThrow(what);
  });

  test('takes the same object twice, which is no circle', () => {
    const shared = { a: 1 };
    expect(canonical([shared, shared])).toBe(canonical([{ a: 1 }, { a: 1 }]));
  });
});
