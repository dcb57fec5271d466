import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { Secret } from '../core/secret.ts';
import type { Finding } from './finding.ts';
import { problem, warning } from './finding.ts';
import { foreignFormat } from './foreign-format.ts';
import { checkForm } from './read-certificates.ts';
import type { PemBlock } from './read-pem.ts';
import { joinPem, readPem } from './read-pem.ts';

/** A private key as a person gave it: its text, the name of its file, and the file's mode where it is known. */
export interface KeyFile {
  readonly pem: Secret;
  readonly file: string;
  readonly mode?: number;
}

export interface PrivateKey {
  readonly findings: readonly Finding[];
  /** Absent when the key could not be read; `findings` says why. */
  readonly key?: KeyObject;
  /** The key alone, as `joinPem` writes it. */
  readonly normalised: Secret;
  /** Line of the key's block, or 1. */
  readonly line: number;
}

/** Reads a file that may hold one unencrypted private key. No finding ever quotes the file. */
export function readPrivateKey(source: KeyFile): PrivateKey {
  const { file } = source;
  const text = source.pem.reveal();
  const pem = readPem(text);
  const findings: Finding[] = pem.faults.map((fault) =>
    problem({ file, line: fault.line }, fault.happened, fault.remedy),
  );
  const keys = pem.blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const strangers = pem.blocks.filter(({ label }) => !label.endsWith('PRIVATE KEY') && !harmless.has(label));
  findings.push(
    ...strangers.map((block) => stranger(block, file)),
    ...keys.slice(1).map((block) => extra(block, file)),
  );
  if (pem.blocks.length === 0 && pem.faults.length === 0) {
    const { happened, remedy } = foreignFormat(text, file, 'key');
    findings.push(problem({ file, line: 1 }, happened, remedy));
  } else {
    findings.push(...checkForm(pem, file));
  }
  findings.push(...checkMode(source));
  const [block] = keys;
  const line = block?.line ?? 1;
  if (!block) {
    // Strangers and faults have said already why there is no key.
    const silent = strangers.length === 0 && pem.faults.length === 0 && pem.blocks.length > 0;
    if (silent)
      findings.push(problem({ file, line: 1 }, 'the file holds no private key', 'add its PRIVATE KEY block'));
    return { findings, normalised: source.pem, line };
  }
  const parsed = parse(block, file);
  const normalised = new Secret(joinPem([block]), source.pem.name);
  if ('level' in parsed) return { findings: [...findings, parsed], normalised, line };
  return { findings, key: parsed, normalised, line };
}

// `openssl ecparam -genkey` writes the name of the curve before the key, which holds it too.
const harmless: ReadonlySet<string> = new Set(['EC PARAMETERS']);

function parse(block: PemBlock, file: string): KeyObject | Finding {
  const at = { file, line: block.line };
  if (block.label === 'OPENSSH PRIVATE KEY') {
    return problem(
      at,
      'the file is an SSH key, not the key of a certificate',
      'give the key that the certificate was made with',
    );
  }
  if (
    block.label === 'ENCRYPTED PRIVATE KEY' ||
    block.headers.some((header) => header.includes('ENCRYPTED'))
  ) {
    return problem(
      at,
      'the private key is encrypted: a server that starts by itself has nobody to ask for the passphrase',
      `decrypt it with: (umask 077; openssl pkey -in ${file} -out decrypted.pem)`,
    );
  }
  try {
    return createPrivateKey({ key: joinPem([block]), format: 'pem' });
  } catch {
    // The message of OpenSSL names its own functions and helps nobody.
    return problem(
      at,
      `the private key is damaged: it says ${block.label} and does not hold one`,
      'copy the file again, whole',
    );
  }
}

function stranger(block: PemBlock, file: string): Finding {
  return problem(
    { file, line: block.line },
    `block ${block.position} is ${block.label}, not a private key`,
    block.label === 'CERTIFICATE'
      ? 'certificates belong in the file of the chain'
      : 'only the private key belongs here',
  );
}

function extra(block: PemBlock, file: string): Finding {
  const happened = `block ${block.position} is a second private key`;
  return problem({ file, line: block.line }, happened, 'keep only the key of the server certificate');
}

function checkMode({ file, mode }: KeyFile): Finding[] {
  if (mode === undefined || (mode & 0o077) === 0) return [];
  const digits = (mode & 0o777).toString(8).padStart(4, '0');
  const happened = `the key file has mode ${digits}: other users of this machine can reach it`;
  return [warning({ file, line: 1 }, happened, `run: chmod 600 ${file}`)];
}
