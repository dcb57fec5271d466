import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { parsePlanFile, readPlanFile } from './read-plan-file.ts';
import { planFile, plannedStep } from './test-plan-file.ts';

function faults(text: string): string[] {
  try {
    parsePlanFile(text, 'plan.json');
  } catch (error) {
    if (!(error instanceof ProvisionError)) throw error;
    expect(new Set(error.problems.map(({ code }) => code))).toEqual(new Set(['PLAN_FILE']));
    return error.problems.map(({ happened }) => happened);
  }
  return [];
}

describe('a plan that comes from anywhere', () => {
  test('is taken when it is one', () => {
    expect(faults(JSON.stringify(planFile()))).toEqual([]);
  });

  test('is refused with all of its faults at once, each with its place', () => {
    const { made: _, ...rest } = planFile({
      plays: [
        {
          name: 'web',
          hosts: [
            {
              host: 'web-1',
              steps: [
                plannedStep({ want: 'no hash' }),
                plannedStep({ status: 'done' as 'ok', changes: [{ type: 'text' } as never] }),
                plannedStep({ effects: [{ type: 'explode' as 'run', what: 'nginx' }] }),
              ],
            },
          ],
        },
      ],
    });
    expect(faults(JSON.stringify({ ...rest, plays: [...rest.plays, 'x'], hooks: [] }))).toEqual([
      'plan.json is no plan: at made: is missing',
      'plan.json is no plan: at plays[0].hosts[0].steps[0].want: does not look as it must',
      'plan.json is no plan: at plays[0].hosts[0].steps[1].status: must be one of ok, would-change, known-after-apply, skipped',
      'plan.json is no plan: at plays[0].hosts[0].steps[1].changes[0].path: is missing',
      expect.stringMatching(/steps\[2\]\.effects\[0\]\.type: must be one of download/) as string,
      'plan.json is no plan: at plays[1]: must be an object, and is a text',
      'plan.json is no plan: at "hooks": is not known',
    ]);
  });

  test.each([
    ['{', /is no JSON/],
    ['null', /must be an object, and is nothing/],
    ['{"__proto__":{"version":1}}', /at "__proto__": is not known/],
    [JSON.stringify(planFile()).replace('"version":1', '"version":1,"constructor":{}'), /"constructor"/],
    [JSON.stringify(planFile()).replace('"0600"', '['.repeat(5000) + ']'.repeat(5000)), /nested too deep/],
  ])('is refused when it is hostile: %#', (text, message) => {
    expect(faults(text).join('\n')).toMatch(message);
  });

  test('that is something else altogether is told by its first faults', () => {
    const found = faults(
      JSON.stringify({
        ...planFile(),
        ...Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n])),
      }),
    );
    expect(found).toHaveLength(21);
    expect(found.at(-1)).toBe('plan.json has 480 more faults');
  });
});

test('only a file is read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'provision-plan-'));
  const read = (name: string) => readPlanFile(join(folder, name)).catch((error: unknown) => String(error));
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(planFile()));
  expect(await read('plan.json')).toEqual(planFile());
  expect(await read('.')).toContain('is no file');
  expect(await read('absent')).toContain('cannot be read');
});

test('a slice that there cannot be is refused, and others are taken', () => {
  const parse = (slice: string) => {
    const { options, ...rest } = planFile();
    return parsePlanFile(JSON.stringify({ ...rest, options: { ...options, slice } }), 'plan.json');
  };
  expect(parse('2/3').options.slice).toBe('2/3');
  for (const slice of ['4/3', '0/3', '1/99999', 'all']) expect(() => parse(slice)).toThrow(/PLAN_FILE/);
});
