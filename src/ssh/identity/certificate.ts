import { verifySignature } from './verify-signature.ts';
import { WireReader, wireString } from './wire-reader.ts';

/** An SSH certificate whose signature by its authority has been verified. That anybody trusts this authority is another question. */
export interface Certificate {
  /** `ssh-ed25519-cert-v01@openssh.com`. */
  readonly type: string;
  /** The key that is certified, in wire format, as it would be without a certificate. */
  readonly key: Buffer;
  /** Public key of the authority in wire format. */
  readonly authority: Buffer;
  readonly role: 'user' | 'host';
  readonly serial: bigint;
  /** What the authority calls it: for logs only. */
  readonly id: string;
  /** Names of hosts, or of users, that it is for. */
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  /** Seconds since 1970; at this time it is not valid any more. */
  readonly validBefore: bigint;
  /** Names of what whoever does not know it must refuse. */
  readonly criticalOptions: readonly string[];
}

/**
 * Reads a certificate from its wire format and verifies that it is whole.
 * @throws Error when it is damaged, of an unknown kind, or not signed by the authority that it names
 * @example
 * const certificate = parseCertificate(Buffer.from(base64, 'base64'));
 * @see PROTOCOL.certkeys of OpenSSH
 */
export function parseCertificate(wire: Buffer): Certificate {
  const reader = new WireReader(wire);
  const type = reader.text();
  const plain = plainKeyTypes.get(type);
  if (!plain) throw new Error(`certificates of type ${type} are not supported`);
  // Only there so that nobody can foresee what is signed.
  reader.string();
  const start = reader.position;
  for (let field = 0; field < plain.fields; field++) reader.string();
  const key = Buffer.concat([wireString(plain.type), wire.subarray(start, reader.position)]);
  const certificate = { type, key, ...body(reader) };
  const signed = wire.subarray(0, reader.position);
  const signature = reader.string();
  if (!reader.atEnd) throw new Error('it goes on after its end');
  // An authority that is itself a certificate would make a chain, which is not part of the format.
  if (isCertificateType(new WireReader(certificate.authority).text()))
    throw new Error('its authority is a certificate');
  if (!verifySignature(certificate.authority, signed, signature))
    throw new Error('the signature of its authority is wrong');
  return certificate;
}

/** The key type that certificates of a type hold, and of how many fields such a key is made. */
const plainKeyTypes = new Map([
  ['ssh-ed25519-cert-v01@openssh.com', { type: 'ssh-ed25519', fields: 1 }],
  ['ecdsa-sha2-nistp256-cert-v01@openssh.com', { type: 'ecdsa-sha2-nistp256', fields: 2 }],
  ['ecdsa-sha2-nistp384-cert-v01@openssh.com', { type: 'ecdsa-sha2-nistp384', fields: 2 }],
  ['ecdsa-sha2-nistp521-cert-v01@openssh.com', { type: 'ecdsa-sha2-nistp521', fields: 2 }],
  ['ssh-rsa-cert-v01@openssh.com', { type: 'ssh-rsa', fields: 2 }],
]);

/** Whether the name of a key type, or of an algorithm, is one of certificates. */
export function isCertificateType(type: string): boolean {
  return /-cert-v\d\d@openssh\.com$/.test(type);
}

function body(reader: WireReader): Omit<Certificate, 'type' | 'key'> {
  const serial = reader.uint64();
  const role = roles.get(reader.uint32());
  if (!role) throw new Error('it is neither for users nor for hosts');
  const id = reader.text();
  const principals = texts(reader.string());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = optionNames(reader.string());
  // Extensions only ever allow more to a user; whoever does not know one ignores it. The last string is reserved.
  optionNames(reader.string());
  reader.string();
  const authority = reader.string();
  return { serial, role, id, principals, validAfter, validBefore, criticalOptions, authority };
}

const roles = new Map<number, Certificate['role']>([
  [1, 'user'],
  [2, 'host'],
]);

function texts(wire: Buffer): string[] {
  const reader = new WireReader(wire);
  const found: string[] = [];
  while (!reader.atEnd) found.push(reader.text());
  return found;
}

function optionNames(wire: Buffer): string[] {
  const namesAndValues = texts(wire);
  if (namesAndValues.length % 2 > 0) throw new Error('one of its options has no value');
  return namesAndValues.filter((_, index) => index % 2 === 0);
}

/**
 * Why a certificate is not valid at a time, with both times, or undefined when it is.
 * @param now in milliseconds since 1970
 */
export function whyNotNow(certificate: Certificate, now: number): string | undefined {
  const seconds = BigInt(Math.floor(now / 1000));
  const clock = `the clock of this machine says ${moment(seconds)}`;
  if (seconds < certificate.validAfter)
    return `it is valid only from ${moment(certificate.validAfter)} on, and ${clock}`;
  if (seconds >= certificate.validBefore)
    return `it expired at ${moment(certificate.validBefore)}, and ${clock}`;
  return undefined;
}

const lastDate = 8_640_000_000_000n;

/** `2026-11-24T15:03:23Z` */
function moment(seconds: bigint): string {
  if (seconds > lastDate) return 'the end of time';
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}
