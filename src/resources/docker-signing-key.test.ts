import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exampleFingerprint, exampleKey, otherKey } from '../../test/support/openpgp-keys.ts';
import { requireSigningKey } from './docker-signing-key.ts';

function armor(...keys: string[]): string {
  const bytes = keys.map((key) =>
    Buffer.from(
      key
        .split('\n')
        .filter((line) => /^[A-Za-z0-9+/]+=*$/.test(line))
        .join(''),
      'base64',
    ),
  );
  const body = Buffer.concat(bytes).toString('base64').replaceAll(/.{64}/g, '$&\n').trim();
  return `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${body}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
}

describe('requireSigningKey', () => {
  it('accepts the key that GnuPG calls by this fingerprint', () => {
    requireSigningKey(exampleKey, exampleFingerprint);
    requireSigningKey(exampleKey.replaceAll('\n', '\r\n'), exampleFingerprint);
    requireSigningKey(exampleKey.replace('\n\n', '\nComment: a\nVersion: 1\n\n'), exampleFingerprint);
    requireSigningKey(armor(exampleKey), exampleFingerprint);
  });

  it.each([
    ['another key', otherKey, '1ED7CBF673FCDA89E14E19274BA31D126758ACD3'],
    ['the key and another', armor(exampleKey, otherKey), '2 keys'],
    ['another and the key', armor(otherKey, exampleKey), '2 keys'],
    ['two blocks', exampleKey + otherKey, 'cannot be read'],
    ['text around the block', `x\n${exampleKey}`, 'cannot be read'],
    ['half a key', armor(exampleKey).replace(/(\n.{64}){5}\n/, '\n'), 'cannot be read'],
    ['a page of HTML', '<html>Please log in</html>', 'cannot be read'],
    ['nothing', '', 'cannot be read'],
  ])('S43: refuses %s', (_, key, text) => {
    expect(() => requireSigningKey(key, exampleFingerprint)).toThrow(text);
  });

  it('refuses any other bytes without an accident', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
        const key = `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${Buffer.from(bytes).toString('base64')}\n-----END PGP PUBLIC KEY BLOCK-----`;
        expect(() => requireSigningKey(key, exampleFingerprint)).toThrow(/^PACKAGE/);
      }),
    );
  });
});
