import { makeCertificate } from '../../../src/tls/test-authority.ts';

/** A CA and a server certificate for a name, as files of an inventory's folder. */
export function certificateFiles(hostname: string): {
  'ca.pem': string;
  'chain.pem': string;
  'key.pem': string;
} {
  const authority = makeCertificate({ name: 'CA of a test', ca: true });
  const server = makeCertificate({ name: hostname, issuer: authority, san: `DNS:${hostname}` });
  return { 'ca.pem': authority.pem, 'chain.pem': server.pem, 'key.pem': server.key };
}
