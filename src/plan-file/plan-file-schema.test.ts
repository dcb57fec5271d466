import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parsePlanFile } from './read-plan-file.ts';
import { planFileSchema } from './plan-file-schema.ts';
import { planFile } from './test-plan-file.ts';

const published = fileURLToPath(new URL('../../docs/plan.schema.json', import.meta.url));

test('the published schema is the one that plans are read by', async () => {
  const text = JSON.stringify(planFileSchema);
  const style = await resolveConfig(published);
  // vitest -u writes it.
  await expect(await format(text, { ...style, parser: 'json' })).toMatchFileSnapshot(published);
});

test('a reader of its own, made from the schema, takes and refuses what ours does', () => {
  const schema = z.fromJSONSchema(planFileSchema as unknown as Parameters<typeof z.fromJSONSchema>[0]);
  const good = planFile();
  const { salt: _, ...unsalted } = good;
  const bad = [unsalted, { ...good, version: 2 }, { ...good, input: 'x' }, { ...good, extra: 1 }, []];
  expect(schema.safeParse(good).success).toBe(true);
  expect(parsePlanFile(JSON.stringify(good), 'plan.json')).toEqual(good);
  for (const value of bad) {
    expect(schema.safeParse(value).success).toBe(false);
    expect(() => parsePlanFile(JSON.stringify(value), 'plan.json')).toThrow(/PLAN_FILE/);
  }
});
