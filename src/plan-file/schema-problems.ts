/** What is wrong with one value, at a path such as `plays[0].name`. */
export interface SchemaProblem {
  readonly path: string;
  readonly happened: string;
}

/** The part of JSON Schema that the schema of plans is written in. */
interface Schema {
  readonly type?: 'string' | 'integer' | 'object' | 'array';
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
}

/** Everything that a value from outside does not have as its schema says; every object is closed. */
export function schemaProblems(value: unknown, schema: object, path = ''): SchemaProblem[] {
  const { type, items, properties, anyOf, ...rest } = schema as Schema;
  if (anyOf) return schemaProblems(value, alternativeFor(value, anyOf), path);
  if (Object.keys(schema).length === 0)
    return isTooDeep(value) ? [{ path, happened: 'is nested too deep' }] : [];
  const found = type === undefined ? undefined : typeOf(value);
  if (found !== type) return [{ path, happened: `must be ${names[type!]}, and is ${names[found!]}` }];
  if (items)
    return (value as unknown[]).flatMap((entry, index) => schemaProblems(entry, items, `${path}[${index}]`));
  if (properties) return objectProblems(value as object, properties, rest.required ?? [], path);
  return scalarProblems(value, rest, path);
}

function objectProblems(
  value: object,
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  path: string,
): SchemaProblem[] {
  const at = (key: string) => (path === '' ? key : `${path}.${key}`);
  const problems = required
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => ({ path: at(key), happened: 'is missing' }));
  for (const [key, entry] of Object.entries(value)) {
    if (Object.hasOwn(properties, key)) problems.push(...schemaProblems(entry, properties[key]!, at(key)));
    else problems.push({ path: at(JSON.stringify(key).slice(0, 80)), happened: 'is not known' });
  }
  return problems;
}

function scalarProblems(value: unknown, schema: Schema, path: string): SchemaProblem[] {
  const wrong = (happened: string) => [{ path, happened }];
  if (schema.const !== undefined && value !== schema.const)
    return wrong(`must be ${JSON.stringify(schema.const)}`);
  if (schema.enum && !schema.enum.includes(value as string))
    return wrong(`must be one of ${schema.enum.join(', ')}`);
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value as string))
    return wrong('does not look as it must');
  if (schema.minimum !== undefined && (value as number) < schema.minimum)
    return wrong(`must be ${schema.minimum} or more`);
  return [];
}

/** The alternatives differ in the constant of their field `type`. */
function alternativeFor(value: unknown, alternatives: readonly Schema[]): Schema {
  const said = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  return alternatives.find(({ properties }) => properties!['type']!.const === said) ?? alternatives[0]!;
}

/** Whoever walks through it later does so by recursion. */
function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; depth < 100 && level.length > 0; depth++) {
    level = level.flatMap((entry): unknown[] =>
      typeof entry === 'object' && entry !== null ? Object.values(entry) : [],
    );
  }
  return level.length > 0;
}

type Found = 'string' | 'integer' | 'object' | 'array' | 'number' | 'boolean' | 'null';

const names: Readonly<Record<Found, string>> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  object: 'an object',
  array: 'a list',
  boolean: 'true or false',
  null: 'nothing',
};

/** Of a value that came from JSON. */
function typeOf(value: unknown): Found {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'number';
  return typeof value as 'string' | 'boolean' | 'object';
}
