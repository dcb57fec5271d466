import { knownSecretValues } from '../core/secret.ts';
import { secretForms, shortestMaskable } from './secret-forms.ts';

// Says nothing of the secret's length, and is too short to be a part of a maskable secret.
const mask = '***';

/**
 * The text with every known secret replaced by `***`, in each of its spellings, and with every private key in PEM form
 * removed, known or not. Secrets of fewer than 6 characters cannot be masked: they would hide half of every sentence.
 * @example
 * new Secret('hunter2', 'password');
 * maskText('login with hunter2'); // => 'login with ***'
 */
export function maskText(text: string): string {
  const known = knownForms();
  return maskPrivateKeys(known.isEmpty ? text : known.scan(text, 0, true).out);
}

/** Masks a text that arrives in pieces: a secret that is cut by the border of two pieces is masked all the same. */
export class Masker {
  readonly #privateKeys = new PrivateKeyMasker();
  #held = '';
  /** How many characters at the start of what is held back belong to a secret that has been masked already. */
  #covered = 0;

  /** What can be shown by now; an ending that may be the beginning of a secret is held back. */
  write(chunk: string): string {
    return this.#privateKeys.write(this.#mask(chunk, false));
  }

  /** What was still held back. */
  end(): string {
    return this.#privateKeys.write(this.#mask('', true)) + this.#privateKeys.end();
  }

  #mask(chunk: string, last: boolean): string {
    const text = this.#held + chunk;
    const { out, stop, coveredTo } = knownForms().scan(text, this.#covered, last);
    this.#held = text.slice(stop);
    this.#covered = Math.max(0, coveredTo - stop);
    return out;
  }
}

let compiled: { size: number; forms: Forms } | undefined;

/** Secrets are only ever added, so the size of the set says whether it has changed. */
function knownForms(): Forms {
  const values = knownSecretValues();
  if (compiled?.size !== values.size) compiled = { size: values.size, forms: new Forms(values) };
  return compiled.forms;
}

const buckets = 1 << 16;

/** All spellings of all secrets, found by a hash of their first three characters: one look-up for each character of a text. */
class Forms {
  readonly #byStart: (string[] | undefined)[] = [];
  readonly #all: readonly string[];
  readonly #longest: number;

  constructor(secrets: Iterable<string>) {
    const maskable = [...secrets].filter((secret) => secret.length >= shortestMaskable);
    this.#all = [...new Set(maskable.flatMap(secretForms))].sort((a, b) => b.length - a.length);
    this.#longest = this.#all[0]?.length ?? 0;
    if (this.#all.length > 0) this.#byStart = new Array<undefined>(buckets).fill(undefined);
    for (const form of this.#all) (this.#byStart[bucketAt(form, 0)] ??= []).push(form);
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /**
   * Masks up to `stop`: the end of the text, or, unless it is the `last` piece, where a secret may have begun that goes on
   * in the next piece. Secrets that overlap are masked as one, so that no rest of one remains.
   */
  scan(text: string, covered: number, last: boolean): { out: string; stop: number; coveredTo: number } {
    let out = '';
    let coveredTo = covered;
    let at = 0;
    for (; at < text.length; at++) {
      if (!last && text.length - at < this.#longest && this.#mayBegin(text, at)) break;
      const length = this.#longestAt(text, at);
      if (length === 0) continue;
      if (at >= coveredTo) out += text.slice(coveredTo, at) + mask;
      coveredTo = Math.max(coveredTo, at + length);
    }
    if (at > coveredTo) {
      out += text.slice(coveredTo, at);
      coveredTo = at;
    }
    return { out, stop: at, coveredTo };
  }

  #longestAt(text: string, at: number): number {
    if (at + shortestMaskable > text.length) return 0;
    const candidates = this.#byStart[bucketAt(text, at)];
    return candidates?.find((form) => text.startsWith(form, at))?.length ?? 0;
  }

  #mayBegin(text: string, at: number): boolean {
    const left = text.length - at;
    const candidates = left < 3 ? this.#all : this.#byStart[bucketAt(text, at)];
    if (!candidates) return false;
    const rest = text.slice(at);
    return candidates.some((form) => form.length > left && form.startsWith(rest));
  }
}

function bucketAt(text: string, at: number): number {
  const hash = (text.charCodeAt(at) * 31 + text.charCodeAt(at + 1)) * 31 + text.charCodeAt(at + 2);
  return hash & (buckets - 1);
}

const keyName = '[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?';
const keyBegin = `(?:-----BEGIN ${keyName}-----|---- BEGIN ${keyName} ----)`;
const keyEnd = `(?:-----END ${keyName}-----|---- END ${keyName} ----)`;
const longestMarker = 80;
const wholeKey = new RegExp(`${keyBegin}[^]*?(?:${keyEnd}|$)`, 'g');
const keyBeginning = new RegExp(keyBegin);
const keyEnding = new RegExp(keyEnd);

/** A key that is cut off before its end marker hides everything after it: too much is better than too little. */
function maskPrivateKeys(text: string): string {
  return text.includes('PRIVATE KEY') ? text.replace(wholeKey, mask) : text;
}

class PrivateKeyMasker {
  #held = '';
  #inside = false;

  write(chunk: string): string {
    let text = this.#held + chunk;
    let out = '';
    for (;;) {
      const marker = (this.#inside ? keyEnding : keyBeginning).exec(text);
      if (!marker) break;
      if (!this.#inside) out += text.slice(0, marker.index) + mask;
      text = text.slice(marker.index + marker[0].length);
      this.#inside = !this.#inside;
    }
    const cut = this.#inside ? Math.max(0, text.length - longestMarker) : possibleMarker(text);
    this.#held = text.slice(cut);
    return this.#inside ? out : out + text.slice(0, cut);
  }

  end(): string {
    const rest = this.#inside ? '' : this.#held;
    this.#held = '';
    this.#inside = false;
    return rest;
  }
}

/** Where an unfinished marker may begin, else the end of the text. */
function possibleMarker(text: string): number {
  const from = Math.max(0, text.length - longestMarker);
  const found = text.slice(from).search(/-[A-Z0-9 -]*$/);
  return found < 0 ? text.length : from + found;
}
