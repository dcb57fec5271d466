import { unsafeCharacter } from './safe-text.ts';

/** A DNS name as it goes over the wire, or what is wrong with it. */
export type DomainName =
  | { readonly name: string; /** Something a person should look at. */ readonly notice?: string }
  | { readonly fault: string };

/**
 * A DNS name in its canonical form: lower case, Unicode as punycode. Its grammar is letters, digits and hyphens (RFC 1123),
 * checked here because converters let `a.com;}` and `-oProxyCommand=id` pass.
 * @example
 * readDomainName('Rancher.Example.com'); // => { name: 'rancher.example.com' }
 * @see https://www.rfc-editor.org/rfc/rfc1123#section-2.1
 */
export function readDomainName(text: string, options: { readonly underscore?: boolean } = {}): DomainName {
  const unsafe = unsafeCharacter(text);
  if (unsafe) return { fault: `holds ${unsafe}` };
  const isAscii = /^[\x20-\x7e]*$/.test(text);
  const converted = isAscii ? { name: text.toLowerCase() } : toAscii(text);
  if ('fault' in converted) return converted;
  const fault = faultOf(converted.name, options.underscore ?? false);
  return fault === undefined ? converted : { fault };
}

function faultOf(name: string, underscore: boolean): string | undefined {
  if (name.length > 253) return `has ${name.length} characters; DNS allows 253`;
  if (name.endsWith('.')) return 'ends with a dot';
  const labels = name.split('.');
  if (labels.includes('')) return 'has an empty part between its dots';
  if (labels.some((label) => label.length > 63)) return 'has a part of more than 63 characters';
  const letters = underscore ? /^[a-z0-9_-]+$/ : /^[a-z0-9-]+$/;
  if (!labels.every((label) => letters.test(label)))
    return 'has other characters than letters, digits, - and .';
  if (labels.some((label) => label.startsWith('-') || label.endsWith('-')))
    return 'has a part that starts or ends with -';
  // Resolvers read 2130706433 and 0x7f.1 as IPv4 addresses.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!))
    return 'ends in a number, so it would be read as an IP address';
  return undefined;
}

function toAscii(text: string): DomainName {
  // Only letters as they are: full-width forms, ligatures and circled digits would silently become something else.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(text))
    return { fault: 'has other characters than letters, digits, - and .' };
  if (text.normalize('NFKC') !== text) return { fault: 'has characters that stand for others' };
  try {
    const name = new URL(`http://${text}`).hostname;
    const mixed = text.split('.').some((label) => scriptsOf(label) > 1);
    const notice = `${text} is ${name} in DNS${mixed ? '; it mixes letters of several scripts, as look-alike names do' : ''}`;
    return { name, notice };
  } catch {
    return { fault: 'cannot be written in DNS' };
  }
}

const scripts = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Arabic}/u,
  /\p{Script=Thai}/u,
  /\p{Script=Hangul}/u,
  // Japanese mixes these three in one word.
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u,
];

function scriptsOf(label: string): number {
  return scripts.filter((script) => script.test(label)).length;
}
