import { readJump } from '../../core/jump-name.ts';

export type Read<T> = { readonly value: T } | { readonly fault: string };
type Reader<T> = (words: readonly string[], rest: string) => Read<T>;

/** The keywords that are understood, and what their values are. */
export const readers = {
  addressfamily: oneOf(['any', 'inet', 'inet6']),
  certificatefile: oneWord,
  connecttimeout: seconds,
  globalknownhostsfile: paths,
  hostkeyalias: oneWord,
  hostname: oneWord,
  identitiesonly: oneOf(['yes', 'no', 'true', 'false']),
  identityagent: oneWord,
  identityfile: oneWord,
  kbdinteractiveauthentication: oneOf(['yes', 'no', 'true', 'false']),
  passwordauthentication: oneOf(['yes', 'no', 'true', 'false']),
  port,
  proxyjump: (_words, rest) =>
    readJump(
      rest
        .replace(/^[ \t\r\n=]+/, '')
        .replace(/#.*$/s, '')
        .trimEnd(),
    ),
  pubkeyauthentication: oneOf(['yes', 'no', 'true', 'false', 'unbound', 'host-bound']),
  serveralivecountmax: wholeNumber,
  serveraliveinterval: seconds,
  stricthostkeychecking: oneOf(['yes', 'no', 'true', 'false', 'ask', 'off', 'accept-new']),
  user: oneWord,
  userknownhostsfile: paths,
} satisfies Record<string, Reader<unknown>>;

export type OwnKeyword = keyof typeof readers;
export type ValueOf<K extends OwnKeyword> = Extract<
  ReturnType<(typeof readers)[K]>,
  { value: unknown }
>['value'];

/** Keywords of old that mean the same. */
export const aliases: ReadonlyMap<string, OwnKeyword> = new Map([
  ['dsaauthentication', 'pubkeyauthentication'],
  ['identityfile2', 'identityfile'],
  ['skeyauthentication', 'kbdinteractiveauthentication'],
  ['challengeresponseauthentication', 'kbdinteractiveauthentication'],
  ['tisauthentication', 'kbdinteractiveauthentication'],
] satisfies [string, OwnKeyword][]);

function oneWord(words: readonly string[]): Read<string> {
  const [first, second] = words;
  if (first === undefined || first === '') return { fault: 'has an empty value' };
  if (second !== undefined) return { fault: 'has more than one value' };
  return { value: first };
}

function paths(words: readonly string[]): Read<readonly string[]> {
  if (words.length === 0 || words.includes('')) return { fault: 'has an empty value' };
  const hasNone = words.some((word) => word.toLowerCase() === 'none');
  return hasNone && words.length > 1 ? { fault: 'has "none" beside other values' } : { value: words };
}

function oneOf<const T extends string>(choices: readonly T[]): Reader<T> {
  return (words) => {
    const read = oneWord(words);
    if ('fault' in read) return read;
    const value = choices.find((choice) => choice === read.value.toLowerCase());
    return value === undefined ? { fault: `must be one of ${choices.join(', ')}` } : { value };
  };
}

function port(words: readonly string[]): Read<number> {
  const read = oneWord(words);
  if ('fault' in read) return read;
  return isPort(read.value) ? { value: Number(read.value) } : { fault: 'must be a number from 1 to 65535' };
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

function wholeNumber(words: readonly string[]): Read<number> {
  const read = oneWord(words);
  if ('fault' in read) return read;
  const fits = /^\d{1,9}$/.test(read.value);
  return fits ? { value: Number(read.value) } : { fault: 'must be a whole number' };
}

/** A value that does not keep a later one from counting. */
export const unsaid = -1;

const unitSeconds = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** A length of time as ssh writes it: `90` or `1m30s`. With `none` ssh goes on as if the line were not there. */
function seconds(words: readonly string[]): Read<number> {
  const read = oneWord(words);
  if ('fault' in read) return read;
  if (read.value === 'none') return { value: unsaid };
  const fault = { fault: 'must be a length of time such as 30 or 1m30s' };
  if (!/^(\d{1,9}[smhdw]?)+$/i.test(read.value)) return fault;
  let sum = 0;
  for (const [, number, unit] of read.value.matchAll(/(\d+)([smhdw]?)/gi))
    sum += Number(number) * unitSeconds[unit!.toLowerCase() as keyof typeof unitSeconds];
  return sum < 2 ** 31 ? { value: sum } : fault;
}
