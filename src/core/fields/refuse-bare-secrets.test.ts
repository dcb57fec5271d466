import { describe, expect, it } from 'vitest';
import {
  boolean,
  choice,
  integer,
  list,
  localFile,
  oneOf,
  path,
  record,
  secret,
  secretFile,
  text,
} from '../fields.ts';
import { inventory } from '../play.ts';

const refused = (name: string, field = text()) => {
  expect(() => inventory({ web: { [name]: field } })).toThrow(
    `"${name}" is called like a secret, but would be plain text`,
  );
};

describe('S15: a value that is called like a secret and is plain text', () => {
  it.each([
    ...[
      'password',
      'admin_password',
      'adminPassword',
      'passwords',
      'passphrase',
      'token',
      'apiToken',
      'api-token',
    ],
    ...[
      'client_secret',
      'secret',
      'api_key',
      'apiKey',
      'private_key',
      'access-key',
      'credentials',
      'db_passwd',
    ],
  ])('is refused: %s', (name) => refused(name));

  it('is refused in every form that text has, and at every depth', () => {
    refused('token', list(text()) as never);
    refused('token', localFile() as never);
    refused('token', text().optional() as never);
    refused('token', path().default('/etc/token') as never);
    expect(() => record({ registry: record({ password: text() }) })).toThrow('"password"');
    expect(() => oneOf({ a: { title: 'A', fields: { token: text() } } })).toThrow('"token"');
  });

  it('is fine when it is a secret, no text, or only has such a word in its name', () => {
    const fields = {
      password: secret(),
      passwords: list(secret()),
      private_key: secretFile().optional(),
      use_token: boolean(),
      api_token: integer(),
      token: choice('none', 'short'),
      token_lifetime: text(),
      password_policy: text(),
      secretary: text(),
      key: text(),
      keyboard: text(),
    };
    expect(() => inventory({ web: fields })).not.toThrow();
  });

  it('is refused with what to do, all of them at once', () => {
    expect(() => inventory({ web: { password: text(), token: text() } })).toThrow(
      /password: secret\(\), or give it another name[^]*token: secret\(\)/,
    );
  });
});
