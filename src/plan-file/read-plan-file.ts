import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { ProvisionError, throwProblems, type Problem } from '../core/errors.ts';
import { parseSlice } from '../core/slice-plan.ts';
import type { PlanFile } from './plan-file.ts';
import { planFileSchema } from './plan-file-schema.ts';
import { schemaProblems } from './schema-problems.ts';

/** Bytes. A plan of a thousand hosts with a hundred steps each has some fifty million. */
const most = 256 * 1024 * 1024;
/** A file that is something else altogether is told by its first faults. */
const mostProblems = 20;

/**
 * Reads a plan, which may come from anywhere.
 * @throws ProvisionError `PLAN_FILE` with everything in it that is not as the schema says
 */
export async function readPlanFile(path: string): Promise<PlanFile> {
  return parsePlanFile(await readBounded(path), path);
}

/** @throws ProvisionError `PLAN_FILE` */
export function parsePlanFile(text: string, path: string): PlanFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ProvisionError(refusal(path, `is no JSON: ${(error as Error).message}`), { cause: error });
  }
  const found = schemaProblems(value, planFileSchema);
  const told = found.slice(0, mostProblems).map((each) => {
    const happened = each.path === '' ? each.happened : `at ${each.path}: ${each.happened}`;
    return refusal(path, `is no plan: ${happened}`);
  });
  const more = found.length - told.length;
  throwProblems(more > 0 ? [...told, refusal(path, `has ${more} more faults`)] : told);
  const file = value as PlanFile;
  const { slice } = file.options;
  if (slice !== undefined && !parseSlice(slice))
    throw new ProvisionError(refusal(path, `is no plan: at options.slice: there is no slice ${slice}`));
  return file;
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new ProvisionError(refusal(path, `cannot be read: ${(error as Error).message}`), { cause: error });
  });
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new ProvisionError(refusal(path, 'is no file'));
    if (found.size > most)
      throw new ProvisionError(refusal(path, `is larger than any plan: ${found.size} bytes`));
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function refusal(path: string, happened: string): Problem {
  return {
    code: 'PLAN_FILE',
    happened: `${path} ${happened}`,
    hostState: 'nothing was contacted',
    remedy: 'make a plan with: provision plan -i FILE -o PLAN',
  };
}
