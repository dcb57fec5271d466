/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access -- what does not compile has no type */
// Compiled, never run: each @ts-expect-error is a mistake that must not compile.
import type { Secret, VarsOf } from 'provision';
import {
  boolean,
  choice,
  fqdn,
  integer,
  list,
  localFile,
  oneOf,
  path,
  port,
  record,
  secret,
  secretFile,
  text,
  type LocalFile,
  type LocalSecretFile,
} from '../../src/core/fields.ts';

const certificate = oneOf(
  {
    'own-ca': { title: 'Own CA', fields: { chain: localFile(), key: secretFile(), ca: localFile() } },
    'public-ca': {
      title: 'Recognised CA',
      description: 'No CA file.',
      fields: { chain: localFile(), key: secretFile() },
    },
    'private-ca': {
      title: 'Make one',
      fields: { days: integer({ min: 1 }).default(90) },
      make: async (context, { days }) => ({
        option: 'private-ca' as const,
        until: new Date(+context.now + days),
      }),
    },
  },
  { message: 'Which certificate?' },
);

const fields = {
  name: text(),
  port: port().default(80),
  on: boolean(),
  level: choice('low', 'high').default('low'),
  folder: path().optional(),
  mirrors: list(fqdn()),
  registry: record({ url: fqdn(), password: secret(), user: text().optional() }).optional(),
  certificate,
  variant: oneOf(
    { a: { title: 'A', fields: { x: text() } }, b: { title: 'B', fields: {} } },
    { key: 'kind' },
  ),
};

interface Expected {
  readonly name: string;
  readonly port: number;
  readonly on: boolean;
  readonly level: 'low' | 'high';
  readonly folder: string | undefined;
  readonly mirrors: readonly string[];
  readonly registry:
    { readonly url: string; readonly password: Secret; readonly user: string | undefined } | undefined;
  readonly certificate:
    | {
        readonly option: 'own-ca';
        readonly chain: LocalFile;
        readonly key: LocalSecretFile;
        readonly ca: LocalFile;
      }
    | { readonly option: 'public-ca'; readonly chain: LocalFile; readonly key: LocalSecretFile }
    | { option: 'private-ca'; until: Date };
  readonly variant: { readonly kind: 'a'; readonly x: string } | { readonly kind: 'b' };
}

type Same<A, B> = [A, B] extends [B, A] ? true : false;
const isExact: Same<VarsOf<typeof fields>, Expected> = true;
void [fields, isExact];

declare const vars: VarsOf<typeof fields>;
if (vars.certificate.option === 'own-ca') void vars.certificate.ca;
// @ts-expect-error only one of the options has a CA
void vars.certificate.ca;
// @ts-expect-error there is no such option
void (vars.certificate.option === 'letsencrypt');
// @ts-expect-error a default must be one of the choices
choice('low', 'high').default('medium');
// @ts-expect-error a choice of nothing
choice();
// @ts-expect-error a default must have the type of the field
port().default('80');
// @ts-expect-error a check is given the value that was read
integer().check((value: string) => [{ path: [], happened: value }]);
// @ts-expect-error what a check finds is a list of problems
integer().check(() => 'wrong');
// @ts-expect-error what may be left out is never asked for
text().optional().ask('Name?');
// @ts-expect-error numbers are not asked for: what a person types is text
port().ask('Port?');
// @ts-expect-error the content of a secret file is no text
void vars.certificate.key.secret.length;
oneOf({
  // @ts-expect-error what is made is made of the fields of the variant
  a: { title: 'A', fields: { x: text() }, make: (_, { y }) => y },
});
