import { createHash } from 'node:crypto';
import { ProvisionError } from '../core/errors.ts';

/** Of the key that signs Docker's packages for Debian and Ubuntu. @see https://download.docker.com/linux/debian/gpg */
export const dockerFingerprint = '9DC858229FC7DD38854AE2D88D81803C0EBFCD88';

/**
 * Makes sure that an armored OpenPGP key is the one with this fingerprint and nothing besides: whatever else stood in the file
 * would be trusted with it.
 * @throws ProvisionError `PACKAGE` when it is another one, several, or none
 */
export function requireSigningKey(armored: string, fingerprint: string): void {
  const found = readFingerprints(armored);
  if (found.length === 1 && found[0] === fingerprint) return;
  const happened =
    found.length === 1
      ? `the key of Docker's packages has the fingerprint ${found[0]!}, and not ${fingerprint}`
      : found.length === 0
        ? "the key of Docker's packages cannot be read"
        : `the file with the key of Docker's packages holds ${found.length} keys`;
  throw new ProvisionError({
    code: 'PACKAGE',
    happened,
    hostState: 'the key was not trusted and nothing was installed',
    remedy:
      'somebody between the host and download.docker.com may change what it downloads: look at its proxy, or use source: "distribution"',
  });
}

/** Fingerprints of the primary keys of one armored block, in upper-case hex; none when it is not exactly that. */
function readFingerprints(armored: string): string[] {
  const block = onlyBlock.exec(armored.replaceAll('\r\n', '\n').trim());
  if (!block) return [];
  try {
    return fingerprints(Buffer.from(block[1]!, 'base64'));
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

// Strict, so that no other reader of the file finds a key in it that this one has not seen.
const onlyBlock =
  /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:[A-Za-z]+: [^\n]*\n)*\n([A-Za-z0-9+/\n]+={0,2})\n(?:=[A-Za-z0-9+/]{4}\n)?-----END PGP PUBLIC KEY BLOCK-----$/;

/** @see https://www.rfc-editor.org/rfc/rfc4880#section-12.2 */
function fingerprints(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const packet = packetAt(bytes, at);
    if (packet.end > bytes.length) throw new RangeError('the last packet is cut off');
    const body = bytes.subarray(packet.start, packet.end);
    if (packet.type === publicKeyPacket) {
      if (body[0] !== 4) throw new RangeError('only keys of version 4 are understood');
      const length = Buffer.from([0x99, body.length >> 8, body.length & 0xff]);
      found.push(createHash('sha1').update(length).update(body).digest('hex').toUpperCase());
    }
    at = packet.end;
  }
  return found;
}

const publicKeyPacket = 6;

/** @see https://www.rfc-editor.org/rfc/rfc4880#section-4.2 */
function packetAt(bytes: Buffer, at: number): { type: number; start: number; end: number } {
  const tag = bytes.readUInt8(at);
  if ((tag & 0x80) === 0) throw new RangeError('not a packet');
  const isNewFormat = (tag & 0x40) !== 0;
  const [size, length] = isNewFormat ? newLength(bytes, at + 1) : oldLength(bytes, at + 1, tag & 3);
  const start = at + 1 + size;
  return { type: isNewFormat ? tag & 0x3f : (tag >> 2) & 0x0f, start, end: start + length };
}

function newLength(bytes: Buffer, at: number): [size: number, length: number] {
  const first = bytes.readUInt8(at);
  if (first < 192) return [1, first];
  if (first < 224) return [2, ((first - 192) << 8) + bytes.readUInt8(at + 1) + 192];
  if (first === 255) return [5, bytes.readUInt32BE(at + 1)];
  throw new RangeError('keys do not come in parts');
}

function oldLength(bytes: Buffer, at: number, kind: number): [size: number, length: number] {
  if (kind === 0) return [1, bytes.readUInt8(at)];
  if (kind === 1) return [2, bytes.readUInt16BE(at)];
  if (kind === 2) return [4, bytes.readUInt32BE(at)];
  throw new RangeError('a packet without an end');
}
