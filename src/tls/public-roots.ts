import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';

let roots: readonly X509Certificate[] | undefined;

/**
 * The recognised CAs: the roots that Mozilla trusts, as this Node ships them. Certificates that the administrator
 * of this machine added are not among them, as the machines of other people do not have those.
 */
export function publicRoots(): readonly X509Certificate[] {
  // Parsing all of them takes some 30 ms, which a run with a CA of its own need not pay at its start.
  roots ??= rootCertificates.map((pem) => new X509Certificate(pem));
  return roots;
}
