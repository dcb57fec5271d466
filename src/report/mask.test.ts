import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../core/secret.ts';
import { Masker, maskText } from './mask.ts';

const secretOf = (value: string) => new Secret(value, 'canary').reveal();

const canary = secretOf('C4n@ry "w/ü\'$`+ <x>&');
const plain = secretOf('hunter2secret');
const pem = secretOf(
  [
    '-----BEGIN EC PRIVATE KEY-----',
    'MHcCAQEEIOx8zB9P4c2mQY7nqf3yN1kM0p5cGx9d8u6T2rWZbVtLoAoGCCqGSM49',
    'AwEHoUQDQgAEq1u6vT0s9r8e7d6c5b4a3Z2Y1X0W9V8U7T6S5R4Q3P2O1N0M9L8K',
    'short==',
    '-----END EC PRIVATE KEY-----',
    '',
  ].join('\n'),
);
// The end of one is the beginning of the other.
const left = secretOf('alpha-omega');
const right = secretOf('omega-delta');

function inPieces(text: string, cuts: readonly number[]): string {
  const masker = new Masker();
  const points = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
  const shown = points.slice(1).map((end, index) => masker.write(text.slice(points[index], end)));
  return shown.join('') + masker.end();
}

const encodings: Record<string, (secret: string) => string> = {
  raw: (secret) => secret,
  hex: (secret) => Buffer.from(secret).toString('hex'),
  'upper-case hex': (secret) => Buffer.from(secret).toString('hex').toUpperCase(),
  base64: (secret) => Buffer.from(secret).toString('base64'),
  base64url: (secret) => Buffer.from(secret).toString('base64url'),
  'URL component': encodeURIComponent,
  'URL form': (secret) => new URLSearchParams({ k: secret }).toString().slice(2),
  JSON: (secret) => JSON.stringify(secret).slice(1, -1),
  'JSON in JSON': (secret) => JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  'single quotes': (secret) => secret.replaceAll("'", "'\\''"),
  'double quotes': (secret) => secret.replace(/["$`\\]/g, '\\$&'),
  'backslashes (printf %q)': (secret) => secret.replace(/[^\w@%+=:,./-]/g, '\\$&'),
};

describe('maskText', () => {
  it.each(Object.entries(encodings))('hides a secret in %s', (_name, encode) => {
    for (const secret of [canary, plain]) {
      expect(maskText(`before ${encode(secret)} after`)).toBe('before *** after');
    }
  });

  const inner = Object.entries(encodings).filter(([name]) => !/hex|base64|JSON in/.test(name));
  const pairs = inner.flatMap(([first, one]) =>
    Object.entries(encodings).map(([second, two]) => [`${first} in ${second}`, one, two] as const),
  );
  it.each(pairs)('S08: hides a secret in %s, however it is cut', (_name, one, two) => {
    for (const secret of [canary, plain]) {
      const text = two(one(secret));
      expect(maskText(`before ${text} after`)).toBe('before *** after');
      const everywhere = Array.from({ length: text.length }, (_, index) => index);
      expect(inPieces(text, everywhere)).toBe('***');
    }
  });

  it('hides a secret at any place of base64 data', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 9 }), (before, after) => {
        const encoded = Buffer.concat([before, Buffer.from(plain), after]).toString('base64');
        const shown = maskText(encoded);
        expect(shown).toContain('***');
        // What is left decodes to nothing of the secret: at most the characters that it shares with its neighbours remain.
        const start = Math.floor((before.length * 8) / 6);
        const end = Math.ceil(((before.length + plain.length) * 8) / 6);
        expect(shown).not.toContain(encoded.slice(start + 1, end - 1));
      }),
    );
  });

  it('hides each long line of a secret with several lines, and leaves the markers of a certificate', () => {
    const line = pem.split('\n')[1]!;
    expect(maskText(`  | ${line}\r\n`)).toBe('  | ***\r\n');
    expect(maskText('-----BEGIN CERTIFICATE-----')).toBe('-----BEGIN CERTIFICATE-----');
  });

  it('hides a secret whose file ends with a newline, where it is shown without', () => {
    secretOf('from-a-file\n');
    expect(maskText('user:from-a-file@')).toBe('user:***@');
  });

  it('leaves no rest where two secrets overlap', () => {
    expect(maskText('x alpha-omega-delta y')).toBe('x *** y');
    expect(left + right).toHaveLength(22);
  });

  it('hides a secret that was made after the first use', () => {
    expect(maskText('brand-new-token')).toBe('brand-new-token');
    secretOf('brand-new-token');
    expect(maskText('brand-new-token')).toBe('***');
  });

  it('cannot hide secrets of fewer than six characters', () => {
    secretOf('abcde');
    expect(maskText('abcde')).toBe('abcde');
  });

  it.each([
    ['RSA', '-----BEGIN RSA PRIVATE KEY-----\nMIIunknown\n-----END RSA PRIVATE KEY-----'],
    ['encrypted', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIunknown\n-----END ENCRYPTED PRIVATE KEY-----'],
    ['of the same kind as a known one', '-----BEGIN EC PRIVATE KEY-----\nMIIx\n-----END EC PRIVATE KEY-----'],
    ['PGP', '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nxyz\n-----END PGP PRIVATE KEY BLOCK-----'],
    ['in JSON', '-----BEGIN PRIVATE KEY-----\\nMIIunknown\\n-----END PRIVATE KEY-----\\n'.slice(0, -2)],
  ])('hides a private key that nobody declared: %s', (_name, key) => {
    expect(maskText(`a ${key} b`)).toBe('a *** b');
  });

  it('hides everything after a private key that is cut off', () => {
    expect(maskText('a -----BEGIN PRIVATE KEY-----\nMIIE')).toBe('a ***');
  });

  it('does not take for ever over a megabyte', () => {
    const text = 'the quick brown fox -- jumps over MHcCAQEEIO\n'.repeat(25_000);
    expect(maskText(text)).toBe(text);
  }, 20_000);
});

describe('Masker', () => {
  const parts = fc.constantFrom(
    canary,
    plain,
    pem,
    left,
    right,
    'alpha-omega-delta',
    encodings['base64']!(canary),
    encodings['hex']!(plain),
    encodings['JSON']!(pem),
    pem.split('\n')[2]!,
    '-----BEGIN PRIVATE KEY-----\nunknown\n-----END PRIVATE KEY-----',
    '-----BEGIN CERTIFICATE-----',
    '-----BEGIN RSA PRIVATE KEY-----',
    '-----',
    'alpha-',
    'hunter2',
    'MHcCAQ',
    ' words ',
    '\n',
  );
  const texts = fc
    .array(fc.oneof(parts, fc.string({ maxLength: 8 })), { maxLength: 12 })
    .map((list) => list.join(''));

  it('never shows a canary, wherever the text is cut, and shows what the whole text would', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 30 }), (text, cuts) => {
        const shown = inPieces(text, cuts);
        for (const secret of [canary, plain, left, right, ...pem.split('\n').slice(1, 3)]) {
          expect(shown).not.toContain(secret);
        }
        expect(shown).toBe(maskText(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('survives a cut after every character', () => {
    const text = `x ${canary} y ${pem} z -----BEGIN PRIVATE KEY-----\nq\n-----END PRIVATE KEY----- end`;
    expect(
      inPieces(
        text,
        Array.from({ length: text.length }, (_, index) => index),
      ),
    ).toBe('x *** y *** z *** end');
  });

  it('shows at once what cannot be the beginning of a secret', () => {
    const masker = new Masker();
    expect(masker.write('waiting for hunter2')).toBe('waiting for ');
    expect(masker.write('00 ')).toBe('hunter200 ');
  });
});
