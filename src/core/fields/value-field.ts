import type { Json } from '../change.ts';
import type { Field, FieldContext, FieldProblem, Parsed, Question } from '../field.ts';

/** A field that a playbook can refine. Each method gives a new field; none changes the one that it is called on. */
export interface ValueField<T> extends Field<T> {
  /** May be left out; it is then undefined. */
  optional(): ValueField<T | undefined>;
  /** May be left out; it is then this value, which is not checked. */
  default(value: T): ValueField<T>;
  /**
   * A further check of a value that was given and parsed. Throwing is for defects: what a person did wrong is returned.
   * @example
   * text().check((value) => (value.startsWith('v') ? [] : [{ path: [], happened: 'must start with v' }]))
   */
  check(find: Check<T>): this;
  /** What it is for: shown by editors that know the JSON Schema. */
  describe(text: string): this;
}

/** A field that a person can be asked for at the terminal when the inventory leaves it open. */
export interface AskableField<T> extends ValueField<T> {
  /** Asks for it, when it is left out and a person is there. */
  ask(message: string): this;
}

export type Check<T> = (
  value: T,
  context: FieldContext,
) => readonly FieldProblem[] | Promise<readonly FieldProblem[]>;

export interface FieldDefinition<T> {
  readonly expects: string;
  readonly schema: { readonly [key: string]: Json };
  parse(value: unknown, context: FieldContext): Parsed<T> | Promise<Parsed<T>>;
  readonly fallback?: { readonly value: T };
  readonly question?: Question;
  readonly isSecret?: true;
  /** How this kind of value is asked for. */
  readonly toQuestion?: (message: string) => Question;
}

/**
 * Makes the methods of a field from what its kind has to say. Only what has a `toQuestion` can be asked for.
 * @example
 * const colour = () =>
 *   defineField<string>({
 *     expects: 'a colour such as #ff8800',
 *     schema: { type: 'string' },
 *     parse: (value) =>
 *       typeof value === 'string' && /^#[0-9a-f]{6}$/.test(value)
 *         ? { value }
 *         : { problems: [{ path: [], happened: 'must be a colour such as #ff8800' }] },
 *   });
 */
export function defineField<T>(
  definition: FieldDefinition<T> & { readonly toQuestion: (message: string) => Question },
): AskableField<T>;
export function defineField<T>(definition: FieldDefinition<T>): ValueField<T>;
export function defineField<T>(definition: FieldDefinition<T>): ValueField<T> | AskableField<T> {
  const { expects, schema, toQuestion, fallback, question, isSecret } = definition;
  return Object.freeze({
    expects,
    schema,
    ...(fallback && { fallback }),
    ...(question && { question }),
    ...(isSecret && { isSecret }),
    parse: async (value: unknown, context: FieldContext) => definition.parse(value, context),
    optional: () => defineField<T | undefined>({ ...definition, fallback: { value: undefined } }),
    default: (value: T) =>
      defineField<T>({
        ...definition,
        fallback: { value },
        schema: isJsonScalar(value) ? { ...schema, default: value } : schema,
      }),
    check: (find: Check<T>) => defineField<T>({ ...definition, parse: thenCheck(definition, find) }),
    describe: (description: string) => defineField<T>({ ...definition, schema: { ...schema, description } }),
    ...(toQuestion && {
      ask: (message: string) => defineField<T>({ ...definition, question: toQuestion(message) }),
    }),
  });
}

function thenCheck<T>(definition: FieldDefinition<T>, find: Check<T>): FieldDefinition<T>['parse'] {
  return async (value, context) => {
    const parsed = await definition.parse(value, context);
    if ('problems' in parsed) return parsed;
    const problems = await find(parsed.value, context);
    return problems.length > 0 ? { problems } : parsed;
  };
}

function isJsonScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}
