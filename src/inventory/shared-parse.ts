import { problemsOf, ProvisionError, type Problem } from '../core/errors.ts';
import type { AnyField } from '../core/field.ts';
import type { SourceLocation } from '../core/source.ts';
import { fieldContext, type OutsideWorld } from './outside-world.ts';
import { locate, plainValue, type YamlEntry } from './yaml-node.ts';

/** Something that a person should know, and that does not stop the run. */
export interface InventoryWarning {
  readonly at: SourceLocation;
  readonly text: string;
}

/** Finds a raw value of the host for which a field is parsed. */
export interface RawVars {
  get(name: string): YamlEntry | undefined;
  names(): readonly string[];
}

/**
 * Parses values, each only once for all hosts that share it: a file is read, a command run and a certificate made once.
 * A value whose check looked at other vars is shared only by hosts for which those are the same too.
 * Calls must come one after the other.
 */
export class SharedParse {
  readonly warnings: InventoryWarning[] = [];
  readonly problems: Problem[] = [];
  readonly #world: OutsideWorld;
  readonly #folder: string;
  readonly #done = new Map<AnyField, Map<YamlEntry, Outcome[]>>();

  constructor(world: OutsideWorld, folder: string) {
    this.#world = world;
    this.#folder = folder;
  }

  /** The value, or undefined when it has problems: these are kept, once. */
  async parse(
    field: AnyField,
    name: string,
    entry: YamlEntry,
    vars: RawVars,
  ): Promise<{ value: unknown } | undefined> {
    const ofField = this.#done.get(field) ?? new Map<YamlEntry, Outcome[]>();
    this.#done.set(field, ofField);
    const outcomes = ofField.get(entry) ?? [];
    ofField.set(entry, outcomes);
    const known = outcomes.find(({ looks }) => looks.every((look) => look.still(vars)));
    if (known) return known.result;
    const outcome = await this.#run(field, name, entry, vars);
    outcomes.push(outcome);
    return outcome.result;
  }

  async #run(field: AnyField, name: string, entry: YamlEntry, vars: RawVars): Promise<Outcome> {
    const looks: Look[] = [];
    const context = fieldContext(this.#world, {
      folder: this.#folder,
      name,
      vars: watched(vars, looks),
      warn: (path, text) => {
        this.warnings.push({ at: locate(entry, path), text: `${join(name, path)}: ${text}` });
      },
    });
    try {
      const parsed = await field.parse(plainValue(entry.node), context);
      if ('value' in parsed) return { looks, result: { value: parsed.value } };
      for (const { path, happened, remedy } of parsed.problems) {
        const told = `${join(name, path)}: ${happened}`;
        this.#report({
          code: 'INVENTORY',
          at: [locate(entry, path)],
          happened: told,
          ...(remedy !== undefined && { remedy }),
        });
      }
    } catch (error) {
      // Only a ProvisionError is meant for a person; anything else is a defect of a check, and is told as one.
      for (const problem of problemsOf(error)) {
        const at = [...(problem.at ?? []), entry.at];
        const happened = error instanceof ProvisionError ? problem.happened : `${name}: ${problem.happened}`;
        this.#report({ ...problem, at, happened });
      }
    }
    return { looks, result: undefined };
  }

  #report(problem: Problem): void {
    const text = JSON.stringify(problem);
    if (!this.problems.some((other) => JSON.stringify(other) === text)) this.problems.push(problem);
  }
}

interface Outcome {
  readonly looks: readonly Look[];
  readonly result: { readonly value: unknown } | undefined;
}

/** One look that a check took at the other vars, and whether another host would have shown it the same. */
interface Look {
  still(vars: RawVars): boolean;
}

function watched(vars: RawVars, looks: Look[]): Readonly<Record<string, unknown>> {
  const get = (name: string): unknown => {
    const seen = vars.get(name);
    looks.push({ still: (others) => others.get(name) === seen });
    return seen && plainValue(seen.node);
  };
  return new Proxy<Record<string, unknown>>(
    {},
    {
      get: (_, key) => (typeof key === 'string' ? get(key) : undefined),
      has: (_, key) => typeof key === 'string' && get(key) !== undefined,
      ownKeys: () => {
        const names = vars.names();
        looks.push({ still: (others) => others.names().join('\n') === names.join('\n') });
        return [...names];
      },
      getOwnPropertyDescriptor: (_, key) =>
        typeof key === 'string' && vars.get(key)
          ? { value: get(key), enumerable: true, configurable: true, writable: false }
          : undefined,
      set: () => false,
      defineProperty: () => false,
      deleteProperty: () => false,
    },
  );
}

/** `certificate.chain`, `mirrors[0]`. */
function join(name: string, path: readonly (string | number)[]): string {
  return name + path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
}
