import { isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node, Pair, YAMLMap } from 'yaml';
import type { Problem } from '../core/errors.ts';
import type { SourceLocation } from '../core/source.ts';
import { deepest, tooDeepAt } from './nesting.ts';
import type { YamlEntry, YamlNode } from './yaml-node.ts';

/** In bytes. An inventory of 5000 hosts has about half of it. */
export const largestInventory = 1_000_000;

/**
 * A YAML text as values with their places. Of YAML it takes what inventories need: no tags, no directives, no
 * duplicate or dangerous keys, few aliases, so that a hostile file can neither choose types nor exhaust the process.
 * What is wrong goes into `problems`, as much of it as can be found; a text that is no YAML gives no value.
 */
export function readYaml(text: string, file: string, problems: Problem[]): YamlNode | undefined {
  const lines = new LineCounter();
  const report = (offset: number, happened: string, remedy?: string) => {
    const { line, col } = lines.linePos(offset);
    const at = [{ file, line: Math.max(1, line), column: Math.max(1, col) }];
    problems.push({ code: 'INVENTORY', at, happened, ...(remedy !== undefined && { remedy }) });
  };
  if (Buffer.byteLength(text) > largestInventory) {
    problems.push({ code: 'INVENTORY', at: [{ file, line: 1 }], happened: 'the file is larger than 1 MB' });
    return undefined;
  }
  const deep = tooDeepAt(text);
  if (deep !== undefined) {
    countLines(text, lines);
    report(deep, `nested deeper than ${deepest} levels`, 'flatten it');
    return undefined;
  }
  // Pretty errors quote the line, and with it secrets; uniqueness is checked here, for it takes quadratic time there.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  for (const error of document.errors.slice(0, 20))
    report(error.pos[0], ...explain(error.code, error.message));
  if (document.errors.length > 0) return undefined;
  if (document.directives.yaml.version !== '1.2') {
    report(0, 'asks for another YAML than 1.2', 'remove the line that starts with %YAML');
    return undefined;
  }
  const reader = new NodeReader(document, report, (offset) => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  });
  return reader.read(document.contents, 0);
}

type Report = (offset: number, happened: string, remedy?: string) => void;

const mostAliases = 100;
const mostCopied = 10_000;
const dangerous = new Set(['__proto__', 'constructor', 'prototype']);

/** Turns the nodes of one document into located values. */
class NodeReader {
  readonly #document: Document;
  readonly #report: Report;
  readonly #locate: (offset: number) => SourceLocation;
  readonly #open = new Set<Node>();
  #aliases = 0;
  #aliasDepth = 0;
  #copied = 0;

  constructor(document: Document, report: Report, locate: (offset: number) => SourceLocation) {
    this.#document = document;
    this.#report = report;
    this.#locate = locate;
  }

  read(node: unknown, offset: number): YamlNode {
    if (!isAlias(node) && !isScalar(node) && !isCollection(node)) return this.#nothing(offset);
    const start = node.range?.[0] ?? offset;
    if (isAlias(node)) return this.#alias(node.source, node, start);
    if (node.tag !== undefined)
      this.#report(start, 'a tag (!) changes the type of a value', tagRemedy(node.tag));
    if (this.#aliasDepth > 0) this.#copied += 1;
    const at = this.#locate(start);
    if (isScalar(node)) return { type: 'scalar', at, value: node.value };
    this.#open.add(node);
    const read: YamlNode = isMap(node)
      ? { type: 'map', at, entries: this.#map(node, start) }
      : { type: 'list', at, items: isSeq(node) ? node.items.map((item) => this.read(item, start)) : [] };
    this.#open.delete(node);
    return read;
  }

  #nothing(offset: number): YamlNode {
    return { type: 'scalar', at: this.#locate(offset), value: null };
  }

  #alias(
    name: string,
    node: Node & { resolve(document: Document): Node | undefined },
    offset: number,
  ): YamlNode {
    this.#aliases += 1;
    const target = this.#aliases > mostAliases ? undefined : node.resolve(this.#document);
    if (this.#aliases === mostAliases + 1)
      this.#report(offset, `more than ${mostAliases} aliases (*)`, 'use groups');
    else if (target && this.#open.has(target))
      this.#report(offset, `"*${name}" stands inside of its own anchor`);
    else if (this.#copied > mostCopied)
      this.#report(offset, 'aliases (*) multiply too many values', 'use groups');
    else if (!target && this.#aliases <= mostAliases)
      // Not by its name: it may be a password in the wrong place, of which the first character is a star.
      this.#report(
        offset,
        'an alias (*) has no anchor (&) of its name before it',
        'put text with a * in quotes',
      );
    else if (target) {
      this.#aliasDepth += 1;
      const read = this.read(target, offset);
      this.#aliasDepth -= 1;
      return read;
    }
    return this.#nothing(offset);
  }

  #map(map: YAMLMap, offset: number): Map<string, YamlEntry> {
    const entries = new Map<string, YamlEntry>();
    const merged: YamlNode[] = [];
    for (const pair of map.items) {
      const key = this.#key(pair, offset);
      if (!key) continue;
      const node = this.read(pair.value, key.offset);
      const twin = entries.get(key.name);
      if (key.name === '<<') merged.push(...(node.type === 'list' ? node.items : [node]));
      else if (twin)
        this.#report(
          key.offset,
          `"${key.name}" stands twice here; first in line ${twin.at.line}`,
          'keep one',
        );
      else entries.set(key.name, { at: this.#locate(key.offset), node });
    }
    for (const source of merged) this.#merge(entries, source, offset);
    return entries;
  }

  /** `<<: *shared` gives what the mapping itself does not say. */
  #merge(entries: Map<string, YamlEntry>, source: YamlNode, offset: number): void {
    if (source.type !== 'map') {
      this.#report(offset, '"<<" takes a mapping, or a list of mappings');
      return;
    }
    for (const [key, entry] of source.entries) if (!entries.has(key)) entries.set(key, entry);
  }

  #key(pair: Pair, offset: number): { name: string; offset: number } | undefined {
    const { key } = pair;
    const start = (isScalar(key) || isCollection(key) || isAlias(key) ? key.range?.[0] : undefined) ?? offset;
    if (!isScalar(key) || key.value === null) {
      this.#report(start, 'a key must be a word', 'write it as text, with a colon after it');
      return undefined;
    }
    if (key.tag !== undefined) this.#report(start, 'a tag (!) changes the type of a key', 'remove it');
    // A number or a switch as a key is the word that was written: `8080:`, `on:`.
    const name = typeof key.value === 'string' ? key.value : (key.source ?? '');
    if (dangerous.has(name)) {
      this.#report(
        start,
        `"${name}" is no name for a value: it has a meaning of its own in JavaScript`,
        'rename it',
      );
      return undefined;
    }
    return { name, offset: start };
  }
}

function tagRemedy(tag: string): string {
  if (/vault/i.test(tag)) return 'give the secret as { env: NAME }, { file: PATH } or { command: [PROGRAM] }';
  return 'remove it; quotes make a text of any value';
}

/** Plain words for what the parser says; never with a piece of the text, which may be a secret. */
function explain(code: string, message: string): [happened: string, remedy?: string] {
  switch (code) {
    case 'TAB_AS_INDENT':
      return ['a tab in the indentation', 'indent with spaces'];
    case 'BAD_INDENT':
      return ['the indentation fits nothing above', 'align it with its neighbours; close every [ and {'];
    case 'BLOCK_AS_IMPLICIT_KEY':
      return ['a second ": " on one line', 'put quotes around the value, or start a new line'];
    case 'MULTIPLE_DOCS':
      return ['a second document starts here', 'keep one document a file: remove the line ---'];
    case 'BAD_SCALAR_START':
      return ['a value cannot start with this character', 'put quotes around the value'];
    case 'MISSING_CHAR':
      if (message.includes('quote')) return ['a quote is not closed'];
      if (message.includes('map'))
        return ['a key without a colon', 'write a colon and a space after the name'];
      return ['something is not closed, or a comma is missing'];
    case 'UNEXPECTED_TOKEN':
      return [
        'something stands here that fits nothing before it',
        'put quotes around values with special characters',
      ];
    case 'RESOURCE_EXHAUSTION':
      return ['too large or too deep to be read'];
    default:
      return [`no valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`];
  }
}

function countLines(text: string, lines: LineCounter): void {
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
}
