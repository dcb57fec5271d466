import type { AnyField, FieldContext, FieldProblem, Parsed } from '../field.ts';

/** The context of a value inside of another: warnings and names of secrets get the key in front. */
export function innerContext(context: FieldContext, key: string | number): FieldContext {
  return {
    folder: context.folder,
    vars: context.vars,
    now: context.now,
    readOnly: context.readOnly,
    resolvePath: (path) => context.resolvePath(path),
    readFile: (path) => context.readFile(path),
    readFolder: (path) => context.readFolder(path),
    largeFile: (path) => context.largeFile(path),
    readSecret: (source, name) => context.readSecret(source, name === '' ? String(key) : `${key}.${name}`),
    warn: (path, text) => context.warn([key, ...path], text),
  };
}

/** Parses a value inside of another; its problems get the key in front. */
export async function parseInner(
  field: AnyField,
  value: unknown,
  key: string | number,
  context: FieldContext,
): Promise<Parsed<unknown>> {
  const parsed = await field.parse(value, innerContext(context, key));
  if ('value' in parsed) return parsed;
  return {
    problems: parsed.problems.map((found): FieldProblem => ({ ...found, path: [key, ...found.path] })),
  };
}
