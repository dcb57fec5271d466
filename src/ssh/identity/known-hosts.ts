import { createHash, createHmac, randomBytes } from 'node:crypto';
import { matchesPatternList } from '../config/match-pattern.ts';

/** One usable line of a known_hosts file. */
export interface KnownHost {
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
  readonly marker?: 'cert-authority' | 'revoked';
  /** The first field: patterns, or one hash. */
  readonly hosts: string;
  /** `ssh-ed25519`. */
  readonly type: string;
  /** The key as it goes over the wire. */
  readonly key: Buffer;
}

/**
 * The usable lines of a known_hosts file; comments, and lines that OpenSSH could not read either, are left out.
 * @see sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"
 * @example
 * parseKnownHosts('host ssh-ed25519 AAAA…', '/root/.ssh/known_hosts');
 */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split('\n').flatMap((raw, index) => {
    const known = parseLine(raw);
    return known ? [{ file, line: index + 1, ...known }] : [];
  });
}

function parseLine(raw: string): Omit<KnownHost, 'file' | 'line'> | undefined {
  const fields = raw.split(/[ \t\r]+/).filter((field) => field !== '');
  if (fields[0]?.startsWith('#')) return undefined;
  const marker = fields[0]?.startsWith('@') ? fields.shift()?.slice(1) : undefined;
  if (marker !== undefined && marker !== 'cert-authority' && marker !== 'revoked') return undefined;
  const [hosts, type, base64] = fields;
  if (!hosts || hosts.startsWith('@') || !type || !base64) return undefined;
  // Strict, as OpenSSH is: Node would read something out of any text.
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const key = Buffer.from(base64, 'base64');
  return keyType(key) === type ? { hosts, type, key, ...(marker && { marker }) } : undefined;
}

/** The type that a key in wire format names itself, or undefined when it is none. */
export function keyType(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  return length > 0 && length < 64 && key.length > 4 + length
    ? key.toString('latin1', 4, 4 + length)
    : undefined;
}

/**
 * The name under which known_hosts files a host: lower case, with the port when it is not 22.
 * @example
 * knownHostName('Web.example.com', 2222); // => '[web.example.com]:2222'
 */
export function knownHostName(address: string, port: number): string {
  return port === 22 ? address.toLowerCase() : `[${address.toLowerCase()}]:${port}`;
}

/** Whether the first field of a line covers a name: by hash, or by patterns of which none with `!` matches. */
export function coversHost(hosts: string, name: string): boolean {
  return hosts.startsWith('|') ? matchesHash(hosts, name) : matchesPatternList(lowerCase(hosts), name);
}

const hashBytes = 20;

/** ASCII only: other alphabets have letters whose lower case is an ASCII letter, such as the sign for kelvin. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function matchesHash(hosts: string, name: string): boolean {
  const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts) ?? [];
  if (!salt || !hash) return false;
  const bytes = Buffer.from(salt, 'base64');
  if (bytes.length !== hashBytes || bytes.toString('base64') !== salt) return false;
  return createHmac('sha1', bytes).update(name).digest('base64') === hash;
}

/**
 * The fingerprint of a key, as `ssh-keygen -l` prints it.
 * @example
 * fingerprint(key); // => 'SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8'
 */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** A name as `HashKnownHosts` of OpenSSH writes it: whoever reads the file does not learn which hosts there are. */
export function hashedName(name: string): string {
  const salt = randomBytes(hashBytes);
  const hash = createHmac('sha1', salt).update(name).digest('base64');
  return `|1|${salt.toString('base64')}|${hash}`;
}

/** The line that makes a key known. */
export function knownHostLine(name: string, key: Buffer): string {
  return `${name} ${keyType(key) ?? 'unknown'} ${key.toString('base64')}`;
}
