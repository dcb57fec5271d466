import { oneLine } from '../target.ts';

/** What both sides offered, from the notes of ssh2: its error says only for which purpose they found nothing in common. */
export class AlgorithmLists {
  readonly #lists = new Map<string, string>();

  /** Takes one note of ssh2. */
  note(line: string): void {
    const [, side, purpose, list] = /^Handshake: \((local|remote)\) ([^:]{1,40}): (.*)$/s.exec(line) ?? [];
    if (side !== undefined && purpose !== undefined) this.#lists.set(`${side} ${purpose}`, list ?? '');
  }

  /** `: here …; the host …`, or nothing when it is not known. */
  ofFailure(message: string): string {
    const purpose = purposes.find(([wording]) => message.includes(wording))?.[1];
    const [ours, theirs] = [this.#lists.get(`local ${purpose}`), this.#lists.get(`remote ${purpose}`)];
    return ours === undefined || theirs === undefined
      ? ''
      : `: offered here ${oneLine(ours)}; by the host ${oneLine(theirs)}`;
  }
}

/** The words of ssh2 in its error, and in its notes. */
const purposes = [
  ['key exchange algorithm', 'KEX method'],
  ['host key format', 'Host key format'],
  ['C->S cipher', 'C->S cipher'],
  ['S->C cipher', 'S->C cipher'],
  ['C->S MAC', 'C->S MAC'],
  ['S->C MAC', 'S->C MAC'],
] as const;
