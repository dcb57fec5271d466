import { sign } from 'node:crypto';
import type { Client, ParsedKey } from 'ssh2';
import type { Certificate } from '../identity/certificate.ts';
import { isCertificateType } from '../identity/certificate.ts';
import { certificateAlgorithm } from '../identity/host-certificates.ts';
import { wireNumber, wireString } from '../identity/wire-reader.ts';

/*
 * ssh2 logs in with plain keys only. A certified key is a key to it whose public half is the certificate; and what it
 * sends is corrected on the one connection that logs in with such a key: the signature bears the name of the plain
 * algorithm, where ssh2 would write the name that stands in the request.
 */

/**
 * A key that shows a certificate, and signs as the key does.
 * @param key the private key, or only its public half when somebody else signs, such as an agent
 * @param wire the certificate in wire format
 */
export function certifiedKey(key: ParsedKey, certificate: Certificate, wire: Buffer): ParsedKey {
  // Built on the key, or ssh2 would not take it for one.
  const certified = Object.create(key) as ParsedKey;
  const algorithm = signatureAlgorithm(certificate);
  const own = {
    type: certificateAlgorithm(algorithm),
    getPublicSSH: () => wire,
    sign: (data: Buffer) => {
      try {
        return signatureBy(key, algorithm, data);
      } catch (error) {
        return error as Error;
      }
    },
  };
  for (const [name, value] of Object.entries(own)) Object.defineProperty(certified, name, { value });
  return certified;
}

/** What a certified key signs with. */
function signatureAlgorithm({ type }: Certificate): string {
  const plain = type.replace(/-cert-v\d\d@openssh\.com$/, '');
  return plain === 'ssh-rsa' ? 'rsa-sha2-512' : plain;
}

const hashes: Readonly<Record<string, string>> = {
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
  'rsa-sha2-512': 'sha512',
};

function signatureBy(key: ParsedKey, algorithm: string, data: Buffer): Buffer {
  const options = { key: key.getPrivatePEM(), dsaEncoding: 'ieee-p1363' as const };
  const bytes = sign(hashes[algorithm] ?? null, data, options);
  if (!algorithm.startsWith('ecdsa-')) return bytes;
  const half = bytes.length / 2;
  return Buffer.concat([wireNumber(bytes.subarray(0, half)), wireNumber(bytes.subarray(half))]);
}

/**
 * Lets a connection that has just been begun log in with certified keys.
 * @throws Error when ssh2 is not built as this file knows it
 */
export function allowUserCertificates(client: Client): void {
  const { _protocol: protocol } = client as unknown as { _protocol?: Protocol };
  if (typeof protocol?.authPK !== 'function')
    throw new Error('this version of ssh2 cannot be taught certificates of users');
  const original = protocol.authPK.bind(protocol);
  protocol.authPK = (user, key, algorithm, signData) => {
    if (!signData || !isCertificateType(key.type)) return void original(user, key, algorithm, signData);
    original(user, key, algorithm, (data) =>
      signData(data, (signature) => request(protocol, data, key.type, signature)),
    );
  };
}

/** What is signed is the session, and then the request without its signature. */
function request(protocol: Protocol, signed: Buffer, type: string, signature: Buffer): void {
  const withoutSession = signed.subarray(4 + signed.readUInt32BE(0));
  const algorithm = type.replace(/-cert-v\d\d@openssh\.com$/, '');
  const proof = Buffer.concat([wireString(algorithm), wireString(signature)]);
  send(protocol, Buffer.concat([withoutSession, wireString(proof)]));
}

/** As the original does: while session keys are exchanged, nothing else is sent. */
function send(protocol: Protocol, message: Buffer): void {
  const { write } = protocol._packetRW;
  const start = write.allocStart;
  const packet = write.alloc(message.length);
  packet.set(message, start);
  protocol._authsQueue.push('publickey');
  const finished = write.finalize(packet);
  if (protocol._kexinit === undefined) protocol._cipher.encrypt(finished);
  else (protocol._queue ??= []).push(finished);
}

type SignData = (data: Buffer, done: (signature: Buffer) => void) => void;

// The parts of ssh2 1.17 that are used here; its version is pinned, and a test fails when they change.
interface Protocol {
  authPK(user: string, key: ParsedKey, algorithm: string | undefined, sign?: SignData): void;
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      alloc(bytes: number): Buffer;
      finalize(packet: Buffer): Buffer;
    };
  };
  readonly _cipher: { encrypt(packet: Buffer): void };
  readonly _authsQueue: string[];
  readonly _kexinit: Buffer | undefined;
  _queue: Buffer[] | undefined;
}
