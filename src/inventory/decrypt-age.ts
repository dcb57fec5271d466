/*
 * The only file that knows age-encryption. It is loaded when the first encrypted file is read: a run without one never pays for it.
 */

/** What opens a file: the identities of an identity file, or a passphrase. */
export type AgeKey = { readonly identities: readonly string[] } | { readonly passphrase: string };

/** Why a file was not opened: the key is another one, the file is not whole, or it asks for something that is not supported. */
export class AgeRefusal extends Error {
  readonly reason: 'key' | 'file' | 'identity';

  constructor(reason: AgeRefusal['reason']) {
    super(reason);
    this.reason = reason;
  }
}

/** Whether text is what age writes, armoured or not. */
export function isAge(content: Uint8Array): boolean {
  return startsWith(content, binaryHeader) || isArmored(content);
}

/** Whether a file is opened by a passphrase instead of an identity. */
export async function needsPassphrase(content: Uint8Array): Promise<boolean> {
  const bytes = await dearmored(content);
  return startsWith(bytes, `${binaryHeader}\n-> scrypt `);
}

/**
 * The content of an encrypted file, authenticated from the first byte to the last: all of it or nothing. It is in memory only.
 * @throws AgeRefusal
 * @see https://age-encryption.org/v1
 */
export async function decryptAge(content: Uint8Array, key: AgeKey): Promise<Uint8Array> {
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  if ('passphrase' in key) decrypter.addPassphrase(key.passphrase);
  else {
    try {
      for (const identity of key.identities) decrypter.addIdentity(identity);
    } catch {
      throw new AgeRefusal('identity');
    }
  }
  const bytes = await dearmored(content);
  try {
    return await decrypter.decrypt(bytes);
  } catch (error) {
    // Its messages may quote the file; only which of the two it was is told.
    const isWrongKey = error instanceof Error && /^no identity matched/.test(error.message);
    throw new AgeRefusal(isWrongKey ? 'key' : 'file');
  }
}

const binaryHeader = 'age-encryption.org/v1';
const armorHeader = '-----BEGIN AGE ENCRYPTED FILE-----';

function startsWith(content: Uint8Array, text: string): boolean {
  return Buffer.from(content.subarray(0, text.length)).toString('latin1') === text;
}

function isArmored(content: Uint8Array): boolean {
  return Buffer.from(content.subarray(0, 1024)).toString('latin1').trimStart().startsWith(armorHeader);
}

async function dearmored(content: Uint8Array): Promise<Uint8Array> {
  if (!isArmored(content)) return content;
  const { armor } = await import('age-encryption');
  try {
    return armor.decode(Buffer.from(content).toString('latin1'));
  } catch {
    throw new AgeRefusal('file');
  }
}
