import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandLine } from './command-line.ts';
import { Fatal } from './fatal.ts';

/** The certificates that the container was given. */
export interface TlsFiles {
  /** Certificate and key for port 443, where they were mounted. */
  served: { certificate: string; key: string } | undefined;
  /** What `/v3/settings/cacerts` publishes: PEM, empty for a recognised CA, undefined when Rancher makes a CA itself. */
  caCertificates: string | undefined;
}

/**
 * Reads what is mounted under `/etc/rancher/ssl`, and refuses the combinations that Rancher refuses.
 *
 * @throws {Fatal} with Rancher's own words.
 * @see https://github.com/rancher/rancher/blob/main/pkg/tls/tls.go
 */
export function readTlsFiles(root: string, { acmeDomains, noCaCertificates }: CommandLine): TlsFiles {
  if (acmeDomains.length > 0) return { served: undefined, caCertificates: '' };
  const certificate = readMounted(root, 'cert.pem');
  const key = readMounted(root, 'key.pem');
  const caCertificates = readMounted(root, 'cacerts.pem');
  if ((certificate === undefined) !== (key === undefined)) {
    throw new Fatal(
      'invalid SSL configuration found, please set both certificate file and certificate key file (one is missing)',
    );
  }
  const served = certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
  const bothGiven = caCertificates !== undefined && noCaCertificates;
  const noneGiven = caCertificates === undefined && !noCaCertificates;
  if (bothGiven || (served !== undefined && noneGiven)) {
    throw new Fatal(
      'invalid SSL configuration found, please set cacerts when using self signed certificates or use --no-cacerts ' +
        'when using certificates from a recognized Certificate Authority, do not use both at the same time',
    );
  }
  return { served, caCertificates: noCaCertificates ? '' : caCertificates };
}

function readMounted(root: string, name: string): string | undefined {
  const path = `/etc/rancher/ssl/${name}`;
  try {
    return readFileSync(join(root, path), 'utf8').trim();
  } catch (problem) {
    const code = (problem as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    // Docker makes a directory where the file to mount does not exist.
    if (code === 'EISDIR') throw new Fatal(`read ${path}: is a directory`);
    throw problem;
  }
}
