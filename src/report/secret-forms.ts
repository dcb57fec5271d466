/** Shorter secrets would hide half of every sentence: they are not masked, and the documentation says so. */
export const shortestMaskable = 6;

// A line of a key is worth hiding by itself; `}` or `user: admin` of a secret file is not.
const shortestMaskableLine = 16;

// Quoting within quoting is found for what people type and tokens hold; of keys it would be megabytes of spellings.
const longestTwice = 256;

/**
 * Every spelling in which a secret may turn up in output, longest first: as it is, in base64, hex, URL, JSON and shell
 * form, also one inside of another, such as JSON in shell quotes; the same for each line (of 16 characters or more) of a
 * secret with several lines.
 * @example
 * secretForms('a b"c+d'); // => ['a b"c+d', 'a%20b%22c%2Bd', 'a b\\"c+d', …]
 */
export function secretForms(secret: string): string[] {
  const forms = new Set<string>();
  for (const piece of piecesOf(secret)) {
    for (const form of formsOf(piece)) if (form.length >= shortestMaskable) forms.add(form);
  }
  return [...forms].sort((a, b) => b.length - a.length);
}

function piecesOf(secret: string): string[] {
  const whole = [secret, secret.trim(), secret.replace(/\r?\n/g, '\r\n'), secret.replace(/\r\n/g, '\n')];
  if (!/[\r\n]/.test(secret.trim())) return whole.slice(0, 2);
  const lines = secret
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    // The markers of a PEM file are no secret, and hiding them would hide where another private key begins.
    .filter((line) => line.length >= shortestMaskableLine && !/^-{4,5} ?(BEGIN|END) /.test(line));
  return [...whole, ...lines];
}

function formsOf(piece: string): string[] {
  const once = quotedForms(piece);
  // Of a long text, each line is hidden by itself.
  const quoted = piece.length > longestTwice ? new Set([piece]) : once;
  const twice = new Set([...once, ...[...quoted].flatMap((form) => [...quotedForms(form)])]);
  const hex = [...quoted].map((form) => Buffer.from(form, 'utf8').toString('hex'));
  const encoded = new Set([...quoted].flatMap((form) => base64Forms(Buffer.from(form, 'utf8'))));
  return [
    ...twice,
    ...hex,
    ...hex.map((form) => form.toUpperCase()),
    ...encoded,
    // What base64 has beside letters is quoted in URLs and in some JSON.
    ...[...encoded].flatMap((form) => [encodeURIComponent(form), form.replaceAll('/', '\\/')]),
  ];
}

/** A secret without special characters has one of them only: itself. */
function quotedForms(text: string): Set<string> {
  const wellFormed = Buffer.from(text, 'utf8').toString('utf8');
  return new Set([text, ...urlForms(wellFormed), ...jsonForms(text), ...shellForms(text)]);
}

/** Where the secret begins inside the encoded bytes decides how it looks: three alignments. */
function base64Forms(bytes: Buffer): string[] {
  const cores = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Only the characters that carry bits of the secret and of nothing else are the same in every surrounding.
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  const whole = bytes.toString('base64');
  const wrapped = [64, 76].flatMap((width) => whole.match(new RegExp(`.{${width}}`, 'g')) ?? []);
  return [whole, whole.replace(/=+$/, ''), ...cores, ...wrapped].flatMap((text) => [
    text,
    text.replaceAll('+', '-').replaceAll('/', '_'),
  ]);
}

function urlForms(text: string): string[] {
  const component = encodeURIComponent(text);
  const strict = component.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const forms = [component, strict, encodeURI(text), component.replaceAll('%2F', '/')];
  return forms
    .flatMap((form) => [form, form.replaceAll('%20', '+')])
    .flatMap((form) => [form, form.replace(/%../g, (code) => code.toLowerCase())]);
}

function jsonForms(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  const unicode = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return [
    plain,
    JSON.stringify(plain).slice(1, -1),
    plain.replaceAll('/', '\\/'),
    plain.replace(/[\u007f-\uffff]/g, unicode),
    plain.replace(/[<>&]/g, unicode),
  ];
}

function shellForms(text: string): string[] {
  return [
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replace(/["$`\\]/g, '\\$&'),
    text.replace(/[^\w@%+=:,./-]/g, '\\$&'),
    text.replace(/['\\]/g, '\\$&').replaceAll('\r', '\\r').replaceAll('\n', '\\n').replaceAll('\t', '\\t'),
  ];
}
