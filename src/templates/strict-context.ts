import Mustache from 'mustache';
import { Secret } from '../core/secret.ts';

/** Stands for a view that cannot be known: the items of an empty list, the fields of an object that is `null`. */
export const unknowable: unique symbol = Symbol('unknowable');

/** What a name means at one place of a template. */
export type Meaning =
  | { readonly known: true; readonly value: unknown; readonly path: string }
  /** Not set, or set only where it cannot be known; `candidates` are the names that would have been found. */
  | { readonly known: false; readonly missing: boolean; readonly candidates: readonly string[] };

/**
 * Where names are looked up, from the innermost section outwards. mustache's own `Context` also finds what objects
 * inherit (`constructor`), calls functions, and answers nothing for what is not there.
 */
export class StrictContext extends Mustache.Context {
  declare readonly view: unknown;
  declare readonly parent: StrictContext | undefined;
  /** Where in the view this is: `upstreams[1]`. */
  readonly path: string;
  readonly #asked: Map<object, Set<string>>;

  constructor(view: unknown, path = '', parent?: StrictContext) {
    super(view, parent);
    this.path = path;
    this.#asked = parent ? parent.#asked : new Map<object, Set<string>>();
  }

  override push(view: unknown, path = this.path): StrictContext {
    return new StrictContext(view, path, this);
  }

  override lookup(name: string): Meaning {
    if (name === '.') return this.#itself();
    const names = name.split('.');
    const candidates: string[] = [];
    let known = true;
    for (const context of this.#outwards()) {
      if (context.view === unknowable) known = false;
      candidates.push(...ownNames(context.view));
      if (!hasOwn(context.view, names[0]!)) continue;
      const meaning = context.#descend(names);
      if (known) return meaning;
      if (meaning.known) this.#askForAllIn(meaning.value);
      return { known: false, missing: false, candidates: [] };
    }
    return { known: false, missing: known, candidates };
  }

  /** The paths of all names of the view that nothing has asked for. */
  unused(): readonly string[] {
    return [...new Set(this.#unusedIn(this.view, this.path, new Set()))];
  }

  #itself(): Meaning {
    if (this.view === unknowable) return { known: false, missing: false, candidates: [] };
    return { known: true, value: this.view, path: this.path };
  }

  *#outwards(): Generator<StrictContext> {
    yield this;
    if (this.parent) yield* this.parent.#outwards();
  }

  #descend(names: readonly string[]): Meaning {
    let { view, path } = this as { view: unknown; path: string };
    for (const name of names) {
      if (view instanceof Secret) break;
      if (!hasOwn(view, name)) return { known: false, missing: true, candidates: ownNames(view) };
      this.#ask(view, name);
      view = view[name];
      path = path === '' ? name : `${path}.${name}`;
    }
    return { known: true, value: view, path };
  }

  #ask(view: unknown, name: string): void {
    if (!isObject(view)) return;
    const names = this.#asked.get(view) ?? new Set();
    this.#asked.set(view, names.add(name));
  }

  /** For what was found behind something unknowable: which of its fields would be used cannot be told. */
  #askForAllIn(view: unknown): void {
    if (!Array.isArray(view) && !isPlain(view)) return;
    for (const [name, value] of Object.entries(view)) {
      this.#ask(view, name);
      this.#askForAllIn(value);
    }
  }

  *#unusedIn(view: unknown, path: string, seen: Set<unknown>): Generator<string> {
    if (seen.has(view)) return;
    seen.add(view);
    if (Array.isArray(view)) {
      for (const item of view) yield* this.#unusedIn(item, `${path}[]`, seen);
    }
    if (!isPlain(view)) return;
    for (const [name, value] of Object.entries(view)) {
      const inner = path === '' ? name : `${path}.${name}`;
      if (this.#asked.get(view)?.has(name)) yield* this.#unusedIn(value, inner, seen);
      else yield inner;
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** An object literal. Only of these can one ask that every field is used: others belong to someone else. */
function isPlain(value: unknown): value is Fields {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Enumerable only: so a list has its items, but no `length`. */
function hasOwn(value: unknown, name: string): value is Fields {
  return isObject(value) && Object.prototype.propertyIsEnumerable.call(value, name);
}

function ownNames(value: unknown): string[] {
  return isObject(value) ? Object.keys(value) : [];
}
