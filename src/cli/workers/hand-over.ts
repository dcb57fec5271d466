import type { Json } from '../../core/change.ts';
import { ProvisionError } from '../../core/errors.ts';
import { isLocalFile, localFileOf } from '../../core/fields/local-file.ts';
import { isLargeFile, type LargeFile } from '../../core/large-file.ts';
import { Secret } from '../../core/secret.ts';
import { stampOf } from '../../inventory/open-large-file.ts';

/**
 * Values of an inventory as plain JSON, for another process of this machine: what is the same value in two places is so
 * afterwards too. Secrets are in it as they are: it belongs into a pipe and nowhere else.
 * @throws ProvisionError `PLAYBOOK` for a value that has functions, or a class, of its own
 */
export function pack(value: unknown): Json {
  return new Packer().pack(value, '');
}

/** @param large the large files of this process, by path: see {@link largeFilesIn} */
export function unpack(packed: Json, large: ReadonlyMap<string, LargeFile>): unknown {
  return new Unpacker(large).unpack(packed as Packed);
}

/** The large files that a packed value names, each as it was when it was packed. */
export function largeFilesIn(packed: Json): { readonly path: string; readonly stamp: string }[] {
  if (typeof packed !== 'object' || packed === null) return [];
  if (isTagged(packed) && packed['$'] === 'large') {
    return [{ path: packed['path'] as string, stamp: packed['stamp'] as string }];
  }
  return Object.values(packed).flatMap(largeFilesIn);
}

type Packed = null | boolean | number | string | (Readonly<Record<string, Json>> & { readonly $: string });

function isTagged(value: Json & object): value is Readonly<Record<string, Json>> {
  return '$' in value;
}

class Packer {
  readonly #seen = new Map<object, number>();

  pack(value: unknown, path: string): Packed {
    if (value === undefined) return { $: 'undefined' };
    if (typeof value === 'number' && !Number.isFinite(value)) return { $: 'number', text: String(value) };
    if (value === null || ['boolean', 'number', 'string'].includes(typeof value)) return value as Packed;
    if (typeof value !== 'object') throw notPackable(path, typeof value);
    const id = this.#seen.get(value);
    if (id !== undefined) return { $: 'same', id };
    this.#seen.set(value, this.#seen.size);
    return this.#object(value, path);
  }

  #object(value: object, path: string): Packed {
    const list = (items: Iterable<unknown>) =>
      [...items].map((item, index) => this.pack(item, `${path}[${index}]`));
    if (value instanceof Secret) return { $: 'secret', value: value.reveal(), name: value.name };
    if (value instanceof Uint8Array) return { $: 'bytes', base64: Buffer.from(value).toString('base64') };
    if (value instanceof Date) return { $: 'date', ms: value.getTime() };
    if (value instanceof Map) return { $: 'map', items: list([...value].flat(1)) };
    if (value instanceof Set) return { $: 'set', items: list(value) };
    if (Array.isArray(value)) return { $: 'list', items: list(value) };
    if (isLargeFile(value)) return { $: 'large', path: value.path, stamp: stampOf(value) };
    if (isLocalFile(value)) {
      return { $: 'file', path: value.path, base64: Buffer.from(value.content).toString('base64') };
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw notPackable(path, (value as { constructor?: { name?: string } }).constructor?.name ?? 'class');
    const keys = Object.keys(value);
    const items = keys.map((key) => this.pack((value as Record<string, unknown>)[key], `${path}.${key}`));
    return { $: 'object', keys, items };
  }
}

/** Meets the values in the order in which they were packed, so that their numbers are the same. */
class Unpacker {
  readonly #large: ReadonlyMap<string, LargeFile>;
  readonly #made: unknown[] = [];

  constructor(large: ReadonlyMap<string, LargeFile>) {
    this.#large = large;
  }

  unpack(packed: Packed): unknown {
    if (typeof packed !== 'object' || packed === null) return packed;
    if (packed.$ === 'undefined') return undefined;
    if (packed.$ === 'number') return Number(packed['text']);
    if (packed.$ === 'same') return this.#made[packed['id'] as number];
    const { empty, fill } = this.#shape(packed);
    this.#made.push(empty);
    const items = (packed['items'] as readonly Packed[] | undefined) ?? [];
    fill(items.map((item) => this.unpack(item)));
    return empty;
  }

  /** The value without what is in it, as it may be in itself; and what puts that into it. */
  #shape(packed: Packed & object): { empty: unknown; fill: (items: unknown[]) => void } {
    const leaf = (empty: unknown) => ({ empty, fill: () => undefined });
    const text = (key: string) => packed[key] as string;
    const bytes = () => new Uint8Array(Buffer.from(text('base64'), 'base64'));
    switch (packed.$) {
      case 'secret':
        return leaf(new Secret(text('value'), text('name')));
      case 'bytes':
        return leaf(bytes());
      case 'date':
        return leaf(new Date(packed['ms'] as number));
      case 'large':
        return leaf(this.#large.get(text('path')));
      case 'file':
        return leaf(localFileOf(text('path'), bytes()));
      case 'list': {
        const list: unknown[] = [];
        return { empty: list, fill: (items) => items.forEach((item) => list.push(item)) };
      }
      case 'set': {
        const set = new Set();
        return { empty: set, fill: (items) => items.forEach((item) => set.add(item)) };
      }
      case 'map': {
        const map = new Map();
        const fill = (items: unknown[]) => {
          for (let at = 0; at < items.length; at += 2) map.set(items[at], items[at + 1]);
        };
        return { empty: map, fill };
      }
      default: {
        const object = {};
        const keys = packed['keys'] as readonly string[];
        return { empty: object, fill: (items) => defineAll(object, keys, items) };
      }
    }
  }
}

/** Also a key such as `__proto__` is only a key. */
function defineAll(object: object, keys: readonly string[], items: readonly unknown[]): void {
  for (const [index, key] of keys.entries())
    Object.defineProperty(object, key, {
      value: items[index],
      enumerable: true,
      writable: true,
      configurable: true,
    });
}

function notPackable(path: string, kind: string): ProvisionError {
  return new ProvisionError({
    code: 'PLAYBOOK',
    happened: `${path.replace(/^\./, '')} is a value (${kind}) that cannot be handed to a worker`,
    hostState: 'nothing was contacted',
    remedy: 'let its field make plain data, or run without --workers',
  });
}
