import { ProvisionError, throwProblems } from '../core/errors.ts';
import type { FieldContext } from '../core/field.ts';
import { localFile, type LocalFile } from '../core/fields/local-file.ts';
import { oneOf } from '../core/fields/one-of.ts';
import { secretFile, type LocalSecretFile } from '../core/fields/secret-file.ts';
import { text } from '../core/fields/text.ts';
import type { AskableField } from '../core/fields/value-field.ts';
import { formatLocation } from '../core/source.ts';
import type { Secret } from '../core/secret.ts';
import { checkCertificate, type CertificateInput } from './check-certificate.ts';
import { createPrivateCa } from './create-private-ca.ts';

/** A server certificate that has been checked, ready to be put on a host. */
export interface TlsCertificate {
  readonly option: 'own-ca' | 'recognised-ca' | 'private-ca';
  /** PEM: the server's certificate, then the intermediate ones. */
  readonly chain: string;
  /** PEM. */
  readonly key: Secret;
  /** PEM: what clients have to be told to trust. Absent for a CA that they know by themselves. */
  readonly ca?: string;
  /** SHA-256 of the server's certificate: `AB:CD:…`. */
  readonly fingerprint: string;
}

/**
 * A server certificate with its key, by one of three options; everything about it that can be known without a host is
 * checked when the inventory is read: key, order of the chain, dates, names, and whether the option fits the chain.
 * @param hostnameVar the var of the same host that holds the name which the certificate must cover
 * @example
 * inventory({ lb: { hostname: fqdn(), certificate: tlsCertificate('hostname') } });
 */
export function tlsCertificate(hostnameVar: string): AskableField<TlsCertificate> {
  const pem = { extensions: ['.pem', '.crt', '.cer'] };
  const chain = localFile(pem).ask('Server certificate, then the intermediate ones (PEM):');
  const key = secretFile({ extensions: ['.pem', '.key'] }).ask('Its private key (PEM, not encrypted):');
  const ca = localFile(pem).ask('Certificate of the CA, which clients are told to trust (PEM):');
  return oneOf(
    {
      'own-ca': {
        title: 'A  own CA or self-signed: I have the certificate, its key and the CA',
        fields: { chain, key, ca },
        make: (context: FieldContext, given: GivenFiles) => check('own-ca', hostnameVar, context, given),
      },
      'recognised-ca': {
        title: 'B  recognised CA: I have the certificate with its chain, and the key',
        fields: { chain, key },
        make: (context: FieldContext, given: GivenFiles) =>
          check('recognised-ca', hostnameVar, context, given),
      },
      'private-ca': {
        title: 'C  for trying out: make a private CA and a certificate for me',
        description: 'kept beside the inventory with mode 0600, and used again by the next run',
        fields: { folder: text().default('private-ca') },
        make: (context: FieldContext, given: { readonly folder: string }) =>
          makePrivate(hostnameVar, context, given.folder),
      },
    },
    { message: 'Which certificate does the load balancer show?' },
  );
}

interface GivenFiles {
  readonly chain: LocalFile;
  readonly key: LocalSecretFile;
  readonly ca?: LocalFile;
}

function check(
  option: 'own-ca' | 'recognised-ca',
  hostnameVar: string,
  context: FieldContext,
  { chain, key, ca }: GivenFiles,
): TlsCertificate {
  return checked(option, context, {
    chain: { content: chain.content, file: chain.path },
    key: { pem: key.secret, file: key.path, mode: key.mode },
    ...(ca && { ca: { content: ca.content, file: ca.path } }),
    hostname: hostnameOf(hostnameVar, context),
    trust: option,
    now: context.now,
  });
}

async function makePrivate(
  hostnameVar: string,
  context: FieldContext,
  folder: string,
): Promise<TlsCertificate> {
  const hostname = hostnameOf(hostnameVar, context);
  const made = await createPrivateCa({
    folder: context.resolvePath(folder),
    names: [hostname],
    now: context.now,
    persist: !context.readOnly,
  });
  return checked('private-ca', context, { ...made, hostname, trust: 'own-ca', now: context.now });
}

function checked(
  option: TlsCertificate['option'],
  context: FieldContext,
  input: CertificateInput,
): TlsCertificate {
  const { problems, warnings, leaf, normalised } = checkCertificate(input);
  throwProblems(problems);
  for (const { at = [], happened, remedy } of warnings) {
    context.warn([], [at.map(formatLocation).join(' < '), happened, remedy].filter(Boolean).join('; '));
  }
  if (!leaf) throw new Error('a certificate without problems has a server certificate');
  const { chain, key, ca } = normalised;
  return Object.freeze({
    option,
    chain,
    key,
    fingerprint: leaf.fingerprint256,
    ...(ca !== undefined && { ca }),
  });
}

function hostnameOf(name: string, { vars }: FieldContext): string {
  const hostname = vars[name];
  if (typeof hostname === 'string') return hostname;
  throw new ProvisionError({
    code: 'INVENTORY',
    happened: `the certificate cannot be checked without "${name}"`,
    remedy: `give ${name} too`,
  });
}
