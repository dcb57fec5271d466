import type { ParsedKey } from 'ssh2';
import { keyType } from '../identity/known-hosts.ts';

/**
 * Makes a server of ssh2 show a certificate, or any bytes that begin like one, on this connection, and sign with the
 * given key, which need not be the one inside. To be called before the exchange of keys. For tests only.
 */
export function showCertificate(connection: object, certificate: Buffer, key: ParsedKey): void {
  const { _protocol: protocol } = connection as { _protocol: Protocol };
  const { kex, cs, sc } = protocol._offer.lists;
  const algorithm = keyType(certificate)!.replace(/^ssh-rsa/, 'rsa-sha2-512');
  const plain = algorithm.replace('-cert-v01@openssh.com', '');
  const KexInit = protocol._offer.constructor as new (lists: object) => Protocol['_offer'];
  protocol._offer = new KexInit({
    kex: kex.array,
    serverHostKey: [algorithm],
    cs: namesOf(cs),
    sc: namesOf(sc),
  });
  const shown = Object.assign(Object.create(key) as ParsedKey, { getPublicSSH: () => certificate });
  protocol._hostKeys = { [plain]: shown };
  let current: Exchange | undefined;
  Object.defineProperty(protocol, '_kex', {
    get: () => current,
    set: (exchange: Exchange) => {
      current = exchange;
      exchange.negotiated.serverHostKey = plain;
    },
  });
}

function namesOf(lists: Lists): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(lists).map(([name, { array }]) => [name, array]));
}

type Lists = Readonly<Record<string, { readonly array: readonly string[] }>>;

interface Exchange {
  readonly negotiated: { serverHostKey: string };
}

interface Protocol {
  _offer: {
    readonly lists: {
      readonly kex: { readonly array: readonly string[] };
      readonly cs: Lists;
      readonly sc: Lists;
    };
  };
  _hostKeys: Record<string, ParsedKey>;
}
