import type { Json } from '../change.ts';
import type { FieldContext, FieldMap, Parsed, VarsOf } from '../field.ts';
import { didYouMean } from '../suggest.ts';
import { mappingSchema, parseMapping } from './record.ts';
import { defineField, type AskableField } from './value-field.ts';
import { isMapping, problem, wrong } from './wrong.ts';

/** One way to give a value: what it is called, and which fields it has. */
export interface Variant<F extends FieldMap> {
  readonly title: string;
  readonly description?: string;
  readonly fields: F;
}

/** What is made of the fields, when it is more than the fields themselves. */
export interface Maker<F extends FieldMap, Made> {
  /**
   * Makes the value; runs once, however many hosts share it. Throws `ProvisionError` when it cannot.
   * Must change nothing when `context.readOnly` is true.
   */
  readonly make?: (context: FieldContext, values: VarsOf<F>) => Made | Promise<Made>;
}

type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** The union of what the variants yield: what `make` made, else the key with the fields. */
export type OneOf<Key extends string, Fields, Made> = {
  [Name in keyof Fields]: Fields[Name] extends FieldMap
    ? Name extends keyof Made
      ? unknown extends Made[Name]
        ? Simplify<{ readonly [K in Key]: Name } & VarsOf<Fields[Name]>>
        : Made[Name]
      : never
    : never;
}[keyof Fields];

/**
 * A mapping that says by one key which of several forms it has: `certificate: { option: own-ca, chain: … }`.
 * @example
 * oneOf({
 *   'own-ca': { title: 'Own CA', fields: { chain: localFile(), key: secretFile(), ca: localFile() } },
 *   'public-ca': { title: 'Recognised CA', fields: { chain: localFile(), key: secretFile() } },
 * }, { message: 'Which certificate?' })
 */
export function oneOf<
  Fields extends Readonly<Record<string, FieldMap>>,
  Made extends Readonly<Record<keyof Fields, unknown>>,
  const Key extends string = 'option',
>(
  variants: { readonly [Name in keyof Fields]: Variant<Fields[Name]> } & {
    readonly [Name in keyof Made]: Maker<Fields[Name & keyof Fields], Made[Name]>;
  },
  options: {
    /** Default `option`. */
    readonly key?: Key;
    /** Asks for it, when it is left out and a person is there. */
    readonly message?: string;
  } = {},
): AskableField<OneOf<Key, Fields, Made>> {
  const { key = 'option', message } = options;
  const erased = variants as Readonly<Record<string, Variant<FieldMap> & Maker<FieldMap, unknown>>>;
  const field = defineField<unknown>({
    expects: `a mapping with ${key}: ${Object.keys(erased).join(' or ')}`,
    schema: {
      oneOf: Object.entries(erased).map(([name, { fields, title }]) =>
        variantSchema(key, name, title, fields),
      ),
    },
    toQuestion: (asked) => ({
      type: 'choice',
      message: asked,
      choices: Object.entries(erased).map(toChoice),
    }),
    parse: (value, context) => parseVariant(erased, key, value, context),
  });
  return (message === undefined ? field : field.ask(message)) as AskableField<OneOf<Key, Fields, Made>>;
}

async function parseVariant(
  variants: Readonly<Record<string, Variant<FieldMap> & Maker<FieldMap, unknown>>>,
  key: string,
  value: unknown,
  context: FieldContext,
): Promise<Parsed<unknown>> {
  const names = Object.keys(variants);
  const expects = `a mapping with ${key}: ${names.join(' or ')}`;
  if (!isMapping(value)) {
    const isName = typeof value === 'string' && names.includes(value);
    return wrong(expects, value, isName ? `write it as { ${key}: ${value} }` : undefined);
  }
  if (!Object.hasOwn(value, key)) {
    return { problems: [{ path: [key], happened: 'is missing', remedy: `give one of ${names.join(', ')}` }] };
  }
  const { [key]: name, ...rest } = value;
  if (typeof name !== 'string' || !Object.hasOwn(variants, name)) {
    const near = typeof name === 'string' ? didYouMean(name, names) : undefined;
    const remedy = near === undefined ? undefined : `did you mean "${near}"?`;
    const { problems } = problem(`must be one of ${names.join(', ')}`, remedy);
    return { problems: problems.map((found) => ({ ...found, path: [key] })) };
  }
  const { fields, make } = variants[name]!;
  const parsed = await parseMapping(fields, rest, context);
  if ('problems' in parsed) return parsed;
  if (make) return { value: await make(context, parsed.value) };
  return { value: Object.freeze({ [key]: name, ...parsed.value }) };
}

function variantSchema(key: string, name: string, title: string, fields: FieldMap): Json {
  const { properties, required, ...rest } = mappingSchema(fields);
  return {
    title,
    ...rest,
    properties: { [key]: { const: name }, ...properties },
    required: [key, ...required],
  };
}

function toChoice([value, variant]: [string, Variant<FieldMap>]) {
  const { title, description, fields } = variant;
  return { value, title, ...(description !== undefined && { description }), fields };
}
