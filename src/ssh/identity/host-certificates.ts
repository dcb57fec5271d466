import type { Client } from 'ssh2';
import { parseCertificate } from './certificate.ts';

/*
 * ssh2 knows no certificates of hosts. This teaches them to one connection: what other connections do does not change.
 *
 * ssh2 is not trusted with anything new. A certificate algorithm stands in the offer of this connection; a key exchange
 * that has chosen one is told, field by field, what the protocol says that it has to look at:
 *   - the host key that arrives must be of the type of the certificate;
 *   - the hash of the exchange is made over the whole certificate;
 *   - the signature over that hash must be of the plain algorithm, and is verified with the key inside of the certificate.
 * Whether the certificate is any good is not decided here but by whoever verifies host keys, as with plain keys. If ssh2
 * did anything in another order, the signature would not fit, and the host be refused.
 */

/** How an algorithm for the keys of hosts appears in an exchange of keys. */
interface HostKeyAlgorithm {
  /** Name of the type in the certificate. */
  readonly certificate: string;
  /** What the host signs with. */
  readonly signature: string;
}

const algorithms: ReadonlyMap<string, HostKeyAlgorithm> = new Map(
  [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ].map((signature) => {
    const type = signature.startsWith('rsa-') ? 'ssh-rsa' : signature;
    return [certificateAlgorithm(signature), { certificate: certificateAlgorithm(type), signature }];
  }),
);

/** The name of the algorithm that is a plain one with a certificate. */
export function certificateAlgorithm(plain: string): string {
  return `${plain}-cert-v01@openssh.com`;
}

/**
 * Lets a connection that has just been begun ask for host key algorithms, certificates among them, in this order.
 * @throws Error when ssh2 is not built as this file knows it: then no connection is made
 */
export function offerHostCertificates(client: Client, offered: readonly string[]): void {
  const { _protocol: protocol } = client as unknown as { _protocol?: Partial<Protocol> };
  const offer = protocol?._offer;
  if (!offer || protocol._kexinit !== undefined || protocol._kex !== undefined)
    throw new Error('this version of ssh2 cannot be taught certificates of hosts');
  const { kex, cs, sc } = offer.lists;
  const KexInit = offer.constructor as new (lists: object) => Offer;
  protocol._offer = new KexInit({
    kex: kex.array,
    serverHostKey: [...offered],
    cs: namesOf(cs),
    sc: namesOf(sc),
  });
  // Every exchange of keys is put here, also those that renew the session keys later.
  let current: KeyExchange | undefined;
  Object.defineProperty(protocol, '_kex', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (exchange: KeyExchange | undefined) => {
      current = exchange;
      const algorithm = algorithms.get(exchange?.negotiated.serverHostKey ?? '');
      if (exchange && algorithm) teach(exchange, algorithm);
    },
  });
}

function teach(exchange: KeyExchange, algorithm: HostKeyAlgorithm): void {
  const { negotiated } = exchange;
  negotiated.serverHostKey = algorithm.certificate;
  const finish = exchange.finish.bind(exchange);
  exchange.finish = (partial) => {
    negotiated.serverHostKey = algorithm.signature;
    const { _hostKey: certificate, _sig: signature } = exchange;
    if (certificate) swapAfterHashing(exchange, parseCertificate(certificate).key, signature);
    return finish(partial);
  };
}

/** ssh2 reads the signature after it has hashed the host key, and before it verifies with it. */
function swapAfterHashing(exchange: KeyExchange, key: Buffer, signature: Buffer | undefined): void {
  Object.defineProperty(exchange, '_sig', {
    configurable: true,
    enumerable: true,
    get: () => {
      exchange._hostKey = key;
      return signature;
    },
    set: (value: Buffer | undefined) =>
      void Object.defineProperty(exchange, '_sig', { configurable: true, writable: true, value }),
  });
}

function namesOf(lists: Lists): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(lists).map(([name, { array }]) => [name, array]));
}

// The parts of ssh2 1.17 that are used here; its version is pinned, and a test fails when they change.

type Lists = Readonly<Record<string, { readonly array: readonly string[] }>>;

interface Offer {
  readonly lists: {
    readonly kex: { readonly array: readonly string[] };
    readonly cs: Lists;
    readonly sc: Lists;
  };
}

interface KeyExchange {
  readonly negotiated: { serverHostKey: string };
  _hostKey: Buffer | undefined;
  _sig: Buffer | undefined;
  finish(partial?: boolean): unknown;
}

interface Protocol {
  _offer: Offer;
  _kex: KeyExchange | undefined;
  readonly _kexinit: Buffer | undefined;
}
