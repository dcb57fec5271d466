import { describe, it } from 'vitest';
import { convert, ecKey, makeCertificate, rsaKey } from './test-authority.ts';
import type { Case } from './test-report.ts';
import { block, expectFindings, host, leaf, middle, root, san, withCrlf } from './test-report.ts';

const rsaPkcs1 = rsaKey(2048, 'pkcs1');
const rsa = makeCertificate({ name: host, san, issuer: root, key: rsaPkcs1 });
const cut = (pem: string) => pem.slice(0, pem.length / 2);

describe('F38: the form of the files', () => {
  const cases: Case[] = [
    { name: 'an empty chain', chain: '', problems: [['chain.pem', 'line 1', /is empty/]] },
    { name: 'an empty key', key: ' \n', problems: [['key.pem', 'line 1', /is empty/]] },
    { name: 'an empty CA', ca: Buffer.alloc(0), problems: [['ca.pem', 'line 1', /is empty/]] },
    {
      name: 'some other text',
      chain: 'hello',
      problems: [['chain.pem', 'line 1', /holds no PEM block.*BEGIN CERTIFICATE/]],
    },
    {
      name: 'DER',
      chain: convert(leaf.pem, 'x509', '-outform', 'DER'),
      problems: [['chain.pem', 'line 1', /is DER.*openssl x509 -inform DER -in chain\.pem/]],
    },
    {
      name: 'DER that was read as text',
      ca: convert(root.pem, 'x509', '-outform', 'DER').toString(),
      problems: [['ca.pem', 'line 1', /is DER/]],
    },
    {
      name: 'a DER key (PKCS#8)',
      key: convert(rsaPkcs1, 'pkcs8', '-topk8', '-nocrypt', '-outform', 'DER').toString(),
      problems: [['key.pem', 'line 1', /is DER.*openssl pkey -inform DER/]],
    },
    {
      name: 'a DER key (SEC 1)',
      key: convert(leaf.key, 'ec', '-outform', 'DER').toString(),
      problems: [['key.pem', 'line 1', /is DER/]],
    },
    {
      name: 'PFX as chain',
      chain: convert(
        leaf.pem + leaf.key,
        'pkcs12',
        '-export',
        '-in',
        'input.pem',
        '-inkey',
        'input.pem',
        '-passout',
        'pass:x',
      ),
      problems: [['chain.pem', 'line 1', /PKCS#12.*-nokeys/]],
    },
    {
      name: 'PFX as key',
      key: convert(
        leaf.pem + leaf.key,
        'pkcs12',
        '-export',
        '-in',
        'input.pem',
        '-inkey',
        'input.pem',
        '-passout',
        'pass:x',
      ).toString(),
      problems: [['key.pem', 'line 1', /PKCS#12.*-nocerts/]],
    },
    {
      name: 'PKCS#7 in PEM',
      chain: convert(leaf.pem, 'crl2pkcs7', '-nocrl', '-certfile', 'input.pem').toString(),
      problems: [['chain.pem', 1, /block 1 is PKCS7.*-print_certs/]],
    },
    {
      name: 'PKCS#7 in DER',
      chain: convert(leaf.pem, 'crl2pkcs7', '-nocrl', '-certfile', 'input.pem', '-outform', 'DER'),
      problems: [['chain.pem', 'line 1', /PKCS#7/]],
    },
    {
      name: 'UTF-16',
      chain: Buffer.from(`\uFEFF${leaf.pem}`, 'utf16le'),
      problems: [['chain.pem', 'line 1', /UTF-16.*iconv/]],
    },
    {
      name: 'a UTF-16 key that was read as UTF-8',
      key: Buffer.from(`\uFEFF${leaf.key}`, 'utf16le').toString(),
      problems: [['key.pem', 'line 1', /UTF-16/]],
    },
    {
      name: 'a text dump alone',
      chain: convert(leaf.pem, 'x509', '-noout', '-text'),
      problems: [['chain.pem', 'line 1', /text that openssl prints/]],
    },
    {
      name: 'a text dump around the blocks',
      chain: convert(leaf.pem, 'x509', '-text').toString() + middle.pem,
      warnings: [['chain.pem', 'line 1', /text outside/]],
    },
    {
      name: 'a request',
      chain: convert(leaf.key, 'req', '-new', '-key', 'input.pem', '-subj', '/CN=x').toString(),
      problems: [['chain.pem', 1, /CERTIFICATE REQUEST.*sent back/]],
    },
    {
      name: 'a key in the chain',
      chain: leaf.pem + leaf.key + middle.pem,
      problems: [['chain.pem', 2, /block 2 is a private key/]],
    },
    {
      name: 'a key in the CA file',
      ca: root.key + root.pem,
      problems: [['ca.pem', 1, /block 1 is a private key/]],
    },
    {
      name: 'a certificate in the key file',
      key: leaf.key + leaf.pem,
      problems: [['key.pem', 2, /block 2 is CERTIFICATE/]],
    },
    {
      name: 'a public key for a key',
      key: convert(leaf.key, 'pkey', '-pubout').toString(),
      problems: [['key.pem', 1, /PUBLIC KEY, not a private key/]],
    },
    {
      name: 'only the parameters of a key',
      key: convert('', 'ecparam', '-name', 'prime256v1').toString(),
      problems: [['key.pem', 'line 1', /no private key/]],
    },
    { name: 'two keys', key: leaf.key + ecKey(), problems: [['key.pem', 2, /second private key/]] },
    {
      name: 'an SSH key',
      key: block('OPENSSH PRIVATE KEY', 'openssh-key-v1\0 and so on'),
      problems: [['key.pem', 1, /SSH key/]],
    },
    {
      name: 'an encrypted key (PKCS#8)',
      key: convert(leaf.key, 'pkcs8', '-topk8', '-passout', 'pass:x').toString(),
      problems: [['key.pem', 1, /encrypted.*openssl pkey -in key\.pem/]],
    },
    {
      name: 'an encrypted key (PKCS#1)',
      chain: rsa.pem,
      key: convert(rsaPkcs1, 'rsa', '-aes128', '-passout', 'pass:x', '-traditional').toString(),
      problems: [['key.pem', 1, /encrypted/]],
    },
    {
      name: 'a damaged key',
      key: block('PRIVATE KEY', 'this is not a private key at all'),
      problems: [['key.pem', 1, /damaged/]],
    },
    { name: 'a key that is cut off', key: cut(leaf.key), problems: [['key.pem', 1, /cut off/]] },
    {
      name: 'a key with written line breaks',
      key: leaf.key.replaceAll('\n', '\\n'),
      problems: [['key.pem', 'line 1', /two characters \\n/]],
    },
    {
      name: 'a chain that is cut off',
      chain: leaf.pem + cut(middle.pem),
      problems: [['chain.pem', 2, /block 2 \(CERTIFICATE\) has no END/]],
    },
    {
      name: 'a CA file that is cut off',
      ca: middle.pem + cut(root.pem),
      problems: [['ca.pem', 2, /block 2 \(CERTIFICATE\) has no END/]],
    },
    {
      name: 'a block of something else',
      chain: leaf.pem + block('CERTIFICATE', 'junk'),
      problems: [['chain.pem', 2, /block 2 is damaged/]],
    },
    {
      name: 'the two files exchanged',
      chain: leaf.key,
      key: leaf.pem,
      problems: [['chain.pem', 1, /this file holds the private key.*exchange/]],
    },
    {
      name: 'CRLF',
      chain: withCrlf(leaf.pem + middle.pem),
      key: withCrlf(leaf.key),
      ca: withCrlf(root.pem),
      warnings: [
        ['chain.pem', 'line 1', /CRLF/],
        ['key.pem', 'line 1', /CRLF/],
        ['ca.pem', 'line 1', /CRLF/],
      ],
    },
    {
      name: 'a byte order mark',
      chain: `\uFEFF${leaf.pem}${middle.pem}`,
      warnings: [['chain.pem', 'line 1', /byte order mark/]],
    },
    {
      name: 'a key that others can read',
      mode: 0o100644,
      warnings: [['key.pem', 'line 1', /mode 0644.*chmod 600 key\.pem/]],
    },
    {
      name: 'a key that the group can write',
      mode: 0o100620,
      warnings: [['key.pem', 'line 1', /mode 0620/]],
    },
  ];
  it.each(cases)('$name', expectFindings);
});
