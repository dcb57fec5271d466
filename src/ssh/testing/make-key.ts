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
export function makeKey(type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519'): KeyPair {
  const bits = { ed25519: {}, ecdsa: { bits: 256 }, rsa: { bits: 2048 } }[type];
  const pair = ssh2.utils.generateKeyPairSync(type, bits as { bits: number });
  const parsed = ssh2.utils.parseKey(pair.private);
  if (parsed instanceof Error) return makeKey(type);
  return { private: pair.private, public: parsed.getPublicSSH(), parsed };
}
