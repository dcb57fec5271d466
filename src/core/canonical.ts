import { ProvisionError } from './errors.ts';
import { isLargeFile } from './large-file.ts';
import { Script } from './script.ts';
import { Secret } from './secret.ts';

/**
 * One text for one value, to be hashed: the same whatever the order in which keys were set, and another for every other value.
 * A property that is undefined counts as absent. It holds secrets in the clear, so it must never leave the process.
 * @param functions `source`: a function counts as its source text; `refuse`: for data, where it would say nothing
 * @throws ProvisionError `PLAYBOOK` for what has no text: a circle, a symbol, an object of a class with state of its own
 * @example
 * canonical({ b: 1, a: [true] }); // => '{"a":[t],"b":d1}'
 */
export function canonical(value: unknown, functions: 'source' | 'refuse' = 'refuse'): string {
  return new Writer(functions).write(value, '');
}

class Writer {
  readonly #functions: 'source' | 'refuse';
  readonly #open = new Set<object>();

  constructor(functions: 'source' | 'refuse') {
    this.#functions = functions;
  }

  write(value: unknown, path: string): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'number':
        return Object.is(value, -0) ? 'd-0' : `d${value}`;
      case 'bigint':
        return `i${value}`;
      case 'boolean':
        return value ? 't' : 'f';
      case 'undefined':
        return 'u';
      case 'function':
        if (this.#functions === 'source') return `F${JSON.stringify(String(value))}`;
        throw without(path, 'a function');
      case 'symbol':
        throw without(path, 'a symbol');
      case 'object':
        return value === null ? 'n' : this.#object(value, path);
    }
  }

  #object(value: object, path: string): string {
    if (this.#open.has(value)) throw without(path, 'a circle');
    this.#open.add(value);
    try {
      return this.#atom(value, path) ?? this.#collection(value, path);
    } finally {
      this.#open.delete(value);
    }
  }

  /** Objects that stand for one value. */
  #atom(value: object, path: string): string | undefined {
    if (value instanceof Secret) return `*${JSON.stringify(value.reveal())}`;
    if (value instanceof Script) return `$${JSON.stringify(value.text)}`;
    if (value instanceof Uint8Array) return `B"${hexOf(value)}"`;
    if (value instanceof RegExp) return `R${JSON.stringify(String(value))}`;
    if (value instanceof Date) {
      if (Number.isNaN(value.getTime())) throw without(path, 'a date that is none');
      return `D"${value.toISOString()}"`;
    }
    // Its bytes are not in memory: whoever compares files asks each for its own hash.
    if (isLargeFile(value)) return `L${value.size}`;
    return undefined;
  }

  #collection(value: object, path: string): string {
    if (Array.isArray(value)) {
      return `[${Array.from(value, (entry, index) => this.write(entry, `${path}[${index}]`)).join(',')}]`;
    }
    if (value instanceof Map) {
      const entries = [...value].map(([key, entry]: [unknown, unknown]) => {
        const name = this.write(key, `${path}, a key`);
        return `${name}:${this.write(entry, `${path}[${name}]`)}`;
      });
      return `M{${entries.sort().join(',')}}`;
    }
    if (value instanceof Set) {
      return `S[${[...value]
        .map((entry) => this.write(entry, `${path}, an entry`))
        .sort()
        .join(',')}]`;
    }
    return this.#record(value, path);
  }

  #record(value: object, path: string): string {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== null && prototype !== Object.prototype) {
      throw without(path, `an object of the class ${value.constructor.name}`);
    }
    const entries = Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => `${JSON.stringify(key)}:${this.write(entry, `${path}.${key}`)}`);
    return `{${entries.join(',')}}`;
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function without(path: string, what: string): ProvisionError {
  return new ProvisionError({
    code: 'PLAYBOOK',
    happened: `a plan cannot compare ${what}${path === '' ? '' : ` (at ${path.replace(/^\./, '')})`}`,
    remedy: 'let the resource use plain data: objects, lists, texts, numbers, bytes, secrets, scripts',
  });
}
