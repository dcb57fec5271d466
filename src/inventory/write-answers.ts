import { isMap, isScalar, parseDocument } from 'yaml';
import type { Document, Pair, YAMLMap } from 'yaml';
import type { Json } from '../core/change.ts';
import { ProvisionError } from '../core/errors.ts';
import { blockLines, flowText, isFilledMapping } from './yaml-text.ts';

/** A value and where it belongs: `{ at: ['all', 'vars', 'hostname'], value: 'rancher.example.com' }`. */
export interface Answer {
  readonly at: readonly string[];
  readonly value: Json;
}

/**
 * The text of an inventory with answers put in. Everything that stands in it stays as it is, byte for byte: comments,
 * order, indentation, line ends.
 * @throws ProvisionError `LOCAL` when there is no room for an answer: a value stands there, or the text is no YAML
 * @example
 * writeAnswers('all:\n  vars:\n    a: 1\n', [{ at: ['all', 'vars', 'b'], value: 2 }]);
 * // => 'all:\n  vars:\n    a: 1\n    b: 2\n'
 */
export function writeAnswers(text: string, answers: readonly Answer[]): string {
  return answers.reduce(writeAnswer, text);
}

function writeAnswer(text: string, { at, value }: Answer): string {
  const document = parseDocument(text, { keepSourceTokens: true, prettyErrors: false, uniqueKeys: false });
  const written = insert(new Layout(text, document), at, value);
  const before: unknown = document.toJS();
  const after: unknown = parseDocument(written, { prettyErrors: false, uniqueKeys: false }).toJS();
  // A layout that was not foreseen must not cost the person the file.
  if (JSON.stringify(sorted(after)) !== JSON.stringify(sorted(withValue(before, at, value))))
    throw noRoom(at);
  return written;
}

function insert(layout: Layout, at: readonly string[], value: Json): string {
  const { contents } = layout.document;
  if (layout.document.errors.length > 0) throw noRoom(at);
  if (isEmpty(contents)) return layout.append(nest(at, value));
  let node: unknown = contents;
  for (const [depth, key] of at.entries()) {
    if (!isMap(node)) throw noRoom(at);
    const rest = nest(at.slice(depth + 1), value);
    const pair: Pair | undefined = node.items.find((item) => isScalar(item.key) && item.key.value === key);
    if (!pair) return layout.addTo(node, key, rest);
    if (isEmpty(pair.value)) return layout.fill(node, pair, rest);
    node = pair.value;
  }
  throw noRoom(at);
}

/** Knows where in a text something can be put. */
class Layout {
  readonly document: Document;
  readonly #text: string;
  readonly #lineEnd: string;
  readonly #step: string;

  constructor(text: string, document: Document) {
    this.document = document;
    this.#text = text;
    this.#lineEnd = /\r?\n/.exec(text)?.[0] ?? '\n';
    this.#step = ' '.repeat(this.#stepOf(document.contents) ?? 2);
  }

  /** A text without any value, but perhaps with comments. */
  append(value: Json): string {
    return this.#putLines(this.#text.length, isFilledMapping(value) ? blockLines(value, '', this.#step) : []);
  }

  addTo(map: YAMLMap, key: string, value: Json): string {
    if (map.flow) {
      const start = map.range![0] + 1;
      const inner = flowText({ [key]: value }).slice(1, -2);
      return this.#put(
        start,
        map.items.length > 0 ? `${inner},` : `${inner}${/^\s/.test(this.#text.slice(start)) ? '' : ' '}`,
      );
    }
    const indent = ' '.repeat(this.#column(startOf(map.items[0]!)));
    return this.#putLines(this.#endOf(map), blockLines({ [key]: value }, indent, this.#step));
  }

  /** A key that has no value yet. */
  fill(map: YAMLMap, pair: Pair, value: Json): string {
    const { value: old } = pair;
    if (isScalar(old) && old.source) {
      // Somebody wrote ~ or null.
      return this.#text.slice(0, old.range![0]) + flowText(value) + this.#text.slice(old.range![1]);
    }
    const colon = colonOf(pair);
    if (map.flow || !isFilledMapping(value)) {
      const place = colon ?? endOfKey(pair);
      return this.#put(place, `${colon === undefined ? ':' : ''} ${flowText(value)}`);
    }
    const indent = ' '.repeat(this.#column(startOf(pair))) + this.#step;
    return this.#putLines(colon ?? endOfKey(pair), blockLines(value, indent, this.#step));
  }

  #put(offset: number, inserted: string): string {
    return this.#text.slice(0, offset) + inserted + this.#text.slice(offset);
  }

  /** Puts whole lines after the line of an offset, or at it when a line starts there. */
  #putLines(offset: number, lines: readonly string[]): string {
    const isLineStart = offset === 0 || this.#text[offset - 1] === '\n';
    const lineEnd = this.#text.indexOf('\n', offset);
    const place = isLineStart ? offset : lineEnd < 0 ? this.#text.length : lineEnd + 1;
    const joined = lines.join(this.#lineEnd);
    const isNewLine = place === 0 || this.#text[place - 1] === '\n' || this.#text === '\uFEFF';
    return this.#put(place, isNewLine ? joined + this.#lineEnd : this.#lineEnd + joined);
  }

  #column(offset: number): number {
    const lineStart = this.#text.lastIndexOf('\n', offset - 1) + 1;
    return offset - lineStart - (this.#text.startsWith('\uFEFF') && lineStart === 0 ? 1 : 0);
  }

  /** Where the last thing that was written in a node ends. */
  #endOf(node: unknown): number {
    if (isMap(node) && !node.flow) {
      const last = node.items.at(-1)!;
      return isEmptySource(last.value) ? (colonOf(last) ?? endOfKey(last)) : this.#endOf(last.value);
    }
    if (isSequence(node)) {
      const last = node.items.at(-1);
      return isEmptySource(last) ? node.range![1] : this.#endOf(last);
    }
    return (node as { range: [number, number, number] }).range[1];
  }

  /** The first difference between the columns of a mapping and one inside of it. */
  #stepOf(node: unknown): number | undefined {
    if (!isMap(node) || node.flow) return undefined;
    for (const { value } of node.items) {
      if (!isMap(value) || value.flow) continue;
      return this.#column(startOf(value.items[0]!)) - this.#column(startOf(node.items[0]!));
    }
    return undefined;
  }
}

interface Sequence {
  readonly flow?: boolean;
  readonly items: readonly unknown[];
  readonly range?: readonly [number, number, number] | null;
}

function isSequence(node: unknown): node is Sequence {
  const isCollection = typeof node === 'object' && node !== null && 'items' in node && !isMap(node);
  return isCollection && (node as Sequence).flow !== true;
}

function startOf(pair: Pair): number {
  return (pair.key as { range: [number, number, number] }).range[0];
}

function endOfKey(pair: Pair): number {
  return (pair.key as { range: [number, number, number] }).range[1];
}

/** The offset behind the colon of a pair. */
function colonOf(pair: Pair): number | undefined {
  const colon = pair.srcToken?.sep?.find(({ type }) => type === 'map-value-ind');
  return colon && colon.offset + colon.source.length;
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

function isEmptySource(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null && !node.source);
}

function nest(path: readonly string[], value: Json): Json {
  return path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value);
}

function withValue(before: unknown, path: readonly string[], value: Json): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const map = (before ?? {}) as Record<string, unknown>;
  return { ...map, [key]: withValue(map[key], rest, value) };
}

/** The same value with its keys in one order: an answer may stand before or after what was there. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, inner]) => [key, sorted(inner)]);
}

function noRoom(at: readonly string[]): ProvisionError {
  return new ProvisionError({
    code: 'LOCAL',
    happened: `the inventory has no room for an answer at ${at.join('.')}; it was left as it is`,
    remedy: 'write the value there by hand',
  });
}
