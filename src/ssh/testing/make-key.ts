import ssh2 from 'ssh2';
import type { ParsedKey } from 'ssh2';

export interface KeyPair {
  /** In the format of ssh-keygen. */
  readonly private: string;
  /** In wire format. */
  readonly public: Buffer;
  readonly parsed: ParsedKey;
}

/** A fresh key pair. For tests only: about one in 500 that ssh2 makes cannot be read by ssh2, and is made again. */
export function makeKey(type: KeyKind = 'ed25519'): KeyPair {
  const { name, ...bits } = kinds[type];
  const pair = ssh2.utils.generateKeyPairSync(name as 'rsa', bits as { bits: number });
  const parsed = ssh2.utils.parseKey(pair.private);
  if (parsed instanceof Error) return makeKey(type);
  return { private: pair.private, public: parsed.getPublicSSH(), parsed };
}

/** In wire format. */
export function publicKeyOf(privateKey: string): Buffer {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return key.getPublicSSH();
}

export type KeyKind = keyof typeof kinds;

const kinds = {
  ed25519: { name: 'ed25519' },
  /** P-256. */
  ecdsa: { name: 'ecdsa', bits: 256 },
  ecdsa384: { name: 'ecdsa', bits: 384 },
  ecdsa521: { name: 'ecdsa', bits: 521 },
  rsa: { name: 'rsa', bits: 2048 },
} as const;
