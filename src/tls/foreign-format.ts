/** What a file without PEM blocks most likely is, and how to get PEM out of it. */
export interface ForeignFormat {
  readonly happened: string;
  readonly remedy: string;
}

/**
 * Names the format of a file in which no PEM block was found. Works on text too, as a key reaches us as text:
 * the first bytes of the binary formats survive a decoding to UTF-8 well enough to tell them apart.
 */
export function foreignFormat(
  content: Uint8Array | string,
  file: string,
  want: 'certificates' | 'key',
): ForeignFormat {
  const text = typeof content === 'string' ? content : Buffer.from(content).toString('latin1');
  const known = formats.find(({ pattern }) => pattern.test(text));
  if (known) return { happened: known.happened, remedy: known.remedy(file, want) };
  return {
    happened: 'the file holds no PEM block',
    remedy: `a PEM file of ${want === 'key' ? 'a key' : 'certificates'} begins with -----BEGIN ${want === 'key' ? 'PRIVATE KEY' : 'CERTIFICATE'}-----`,
  };
}

interface Format {
  readonly pattern: RegExp;
  readonly happened: string;
  remedy(file: string, want: 'certificates' | 'key'): string;
}

const formats: readonly Format[] = [
  {
    pattern: /^\s*$/,
    happened: 'the file is empty',
    remedy: () => 'check the path, and copy the file again',
  },
  {
    pattern: /^(ÿþ|þÿ|\uFFFD\uFFFD)|-\0-\0|\0-\0-/,
    happened: 'the text is UTF-16, as Windows PowerShell writes it',
    remedy: (file) => `convert it with: iconv -f UTF-16 -t UTF-8 ${file}`,
  },
  {
    // SEQUENCE { INTEGER 3, … }
    pattern: /^0[^]{1,4}\x02\x01\x03/,
    happened: 'the file is PKCS#12 (.pfx, .p12), not PEM',
    remedy: (file, want) =>
      want === 'key'
        ? `convert it with: openssl pkcs12 -in ${file} -nocerts -nodes -out key.pem`
        : `convert it with: openssl pkcs12 -in ${file} -nokeys -out fullchain.pem`,
  },
  {
    // SEQUENCE { OBJECT IDENTIFIER 1.2.840.113549.1.7.2, … }, whose middle bytes are not valid UTF-8.
    pattern: /^0[^]{1,4}\x06\x09\*/,
    happened: 'the file is PKCS#7 (.p7b) in binary form, not PEM',
    remedy: (file) =>
      `convert it with: openssl pkcs7 -inform DER -in ${file} -print_certs -out fullchain.pem`,
  },
  {
    // SEQUENCE { SEQUENCE or INTEGER 0…2, … }
    pattern: /^0[^]{1,4}(0|\x02\x01[\0\x01\x02])/,
    happened: 'the file is DER (binary), not PEM',
    remedy: (file, want) =>
      want === 'key'
        ? `convert it with: openssl pkey -inform DER -in ${file} -out key.pem`
        : `convert it with: openssl x509 -inform DER -in ${file} -out certificate.pem`,
  },
  {
    pattern: /^\s*Certificate:\s+Data:/,
    happened: 'the file is the text that openssl prints about a certificate, not the certificate',
    remedy: () => 'give the PEM file that the text was made from',
  },
];
