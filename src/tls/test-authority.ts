import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, both as PEM. */
export interface Made {
  readonly pem: string;
  readonly key: string;
}

export interface Wish {
  /** Common name. */
  readonly name: string;
  readonly issuer?: Made;
  /** Subject alternative names as openssl writes them: `DNS:a.example.com`. */
  readonly san?: string;
  readonly ca?: boolean;
  readonly key?: string;
  readonly days?: number;
  readonly hash?: 'sha256' | 'sha1' | 'md5';
  /** More lines of the extension section. */
  readonly extensions?: readonly string[];
}

/** For tests: makes a certificate of any sort, good or bad, with openssl. */
export function makeCertificate(wish: Wish): Made {
  const folder = mkdtempSync(join(tmpdir(), 'test-authority-'));
  const file = (name: string, content?: string) => {
    const path = join(folder, name);
    if (content !== undefined) writeFileSync(path, content);
    return path;
  };
  const key = wish.key ?? ecKey();
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    const keyFile = file('key.pem', key);
    const config = file('openssl.cnf', configuration(wish));
    openssl('req', '-new', '-config', config, '-key', keyFile, '-out', file('request.pem'));
    const signer = wish.issuer
      ? [
          '-CA',
          file('ca.pem', wish.issuer.pem),
          '-CAkey',
          file('ca-key.pem', wish.issuer.key),
          '-CAcreateserial',
        ]
      : ['-signkey', keyFile];
    openssl(
      ...['x509', '-req', '-in', file('request.pem'), ...signer, '-days', String(wish.days ?? 365)],
      ...[
        `-${wish.hash ?? 'sha256'}`,
        '-extfile',
        config,
        '-extensions',
        'extensions',
        '-out',
        file('out.pem'),
      ],
    );
    return { pem: readFileSync(file('out.pem'), 'utf8'), key };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function ecKey(namedCurve = 'P-256'): string {
  return generateKeyPairSync('ec', { namedCurve })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

export function rsaKey(modulusLength = 2048, type: 'pkcs1' | 'pkcs8' = 'pkcs8'): string {
  return generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ type, format: 'pem' }).toString();
}

/** What openssl makes of a key or certificate, which it gets as its standard input and as `input.pem`. */
export function convert(input: string, ...args: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'test-authority-'));
  try {
    const file = join(folder, 'input.pem');
    writeFileSync(file, input);
    // A file rather than a pipe: an openssl that does not read its standard input would break the pipe.
    const stdin = openSync(file, 'r');
    try {
      return execFileSync('openssl', args, { cwd: folder, stdio: [stdin, 'pipe', 'pipe'] });
    } finally {
      closeSync(stdin);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function configuration({ name, san, ca = false, extensions = [] }: Wish): string {
  return [
    '[req]',
    'prompt = no',
    'utf8 = yes',
    'string_mask = utf8only',
    'distinguished_name = subject',
    '[subject]',
    `CN = ${name}`,
    '[extensions]',
    `basicConstraints = critical, CA:${ca ? 'TRUE' : 'FALSE'}`,
    ...(san ? [`subjectAltName = ${san}`] : []),
    ...extensions,
    '',
  ].join('\n');
}
