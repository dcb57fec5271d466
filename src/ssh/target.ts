import type { ErrorCode, Problem } from '../core/errors.ts';
import { ProvisionError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';

/** One machine, and everything that is needed to get in and to become root on it. */
export interface SshTarget {
  /** Name in the inventory; only for errors. */
  readonly name: string;
  /** IP address or DNS name. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Absolute path of a private key. When given, no other identity is ever offered. */
  readonly keyFile?: string;
  /** Absolute path of a certificate for that key. Default: `<key file>-cert.pub`, if there is one. */
  readonly certificateFile?: string;
  /** Opens the key file. */
  readonly passphrase?: Secret;
  /** Private keys in the order in which they are tried, where there is no `keyFile`. */
  readonly identities?: readonly Identity[];
  /** Of an agent, only keys that are among the identities are offered. */
  readonly identitiesOnly?: boolean;
  /** Ways of logging in that are not to be tried. */
  readonly without?: readonly ('publickey' | 'password' | 'keyboard-interactive')[];
  readonly password?: Secret;
  /** Path of the socket of an SSH agent. */
  readonly agent?: string;
  /** Pins the host key: `SHA256:` and 43 characters, as `ssh-keygen -l` prints it. */
  readonly fingerprint?: string;
  /** The name under which known_hosts have the key. Default: address and port. */
  readonly hostKeyAlias?: string;
  /** Absolute paths that take the place of the usual known_hosts; accepted keys are added to the first. */
  readonly knownHostsFiles?: readonly string[];
  /** Take the key of this host when it is not known yet. */
  readonly acceptNew?: boolean;
  /** The host through which this one is reached; it may have such a host, too. */
  readonly jump?: SshTarget;
  /** Only addresses of this family. */
  readonly addressFamily?: 4 | 6;
  readonly connectTimeoutMs?: number;
  readonly keepalive?: { readonly intervalMs: number; readonly countMax: number };
  /** Pins who may vouch for the host by a certificate: public keys of authorities, `ssh-ed25519 AAAA…`. */
  readonly hostCertificateAuthorities?: readonly string[];
  /** How steps get the rights of root. A login as root needs nothing either way. */
  readonly become: 'none' | 'sudo' | 'su' | 'doas';
  /** For sudo and doas that of the user, for su that of root; without it nobody may ask. */
  readonly becomePassword?: Secret;
}

/** One private key among several. */
export interface Identity {
  /** Absolute path. */
  readonly keyFile: string;
  /** Absolute path of a certificate for it. Default: `<key file>-cert.pub`, if there is one. */
  readonly certificateFile?: string;
  readonly passphrase?: Secret;
  /** Nobody has named it: it is left out when it is not there or cannot be used. */
  readonly isDefault?: boolean;
}

/** `deploy@10.0.0.5:2222`, without the port when it is 22. */
export function destination(target: SshTarget): string {
  const port = target.port === 22 ? '' : `:${target.port}`;
  return `${target.user}@${target.address}${port}`;
}

/** An error of the connection to this target. */
export function targetError(
  target: SshTarget,
  code: ErrorCode,
  happened: string,
  more: Pick<Problem, 'remedy' | 'hostState' | 'detail'> & { cause?: unknown } = {},
): ProvisionError {
  const { cause, ...story } = more;
  return new ProvisionError({ code, host: target.name, happened, ...story }, { cause });
}

/**
 * Text of a host as it may stand inside a sentence: one line, at most 200 characters, control characters visible.
 * @example
 * oneLine('HTTP/1.1 400\r\n'); // => 'HTTP/1.1 400'
 */
export function oneLine(text: string): string {
  const visible = text
    .trim()
    .replace(/[\0-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/g, ' ');
  return visible.length > 200 ? `${visible.slice(0, 200)}…` : visible;
}
