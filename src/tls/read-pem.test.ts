import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinPem, readPem } from './read-pem.ts';

const block = fc.record({
  label: fc.constantFrom('CERTIFICATE', 'PRIVATE KEY', 'RSA PRIVATE KEY', 'X509 CRL'),
  headers: fc.constantFrom<string[]>([], ['Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-128-CBC,00FF']),
  base64: fc
    .uint8Array({ minLength: 1, maxLength: 200 })
    .map((bytes) => Buffer.from(bytes).toString('base64')),
});
const noise = fc
  .array(fc.stringMatching(/^[ -~éß]{0,30}$/), { maxLength: 4 })
  .map((lines) => lines.map((line) => line.replaceAll('-', ' ')));

describe('readPem', () => {
  it('gives back the blocks that joinPem wrote, whatever stands around them', () => {
    const layout = fc.record({
      eol: fc.constantFrom('\n', '\r\n', '\r'),
      mark: fc.constantFrom('', '\uFEFF'),
      indent: fc.constantFrom('', '  ', '\t'),
      asBytes: fc.boolean(),
    });
    const parts = fc.array(fc.tuple(noise, block), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(parts, noise, layout, (pairs, tail, { eol, mark, indent, asBytes }) => {
        const lines = [
          ...pairs.flatMap(([before, each]) => [...before, ...joinPem([each]).trimEnd().split('\n')]),
          ...tail,
        ];
        const text = mark + lines.map((line) => indent + line).join(eol);
        const pem = readPem(asBytes ? Buffer.from(text) : text);
        expect(pem.faults).toEqual([]);
        expect(pem.blocks.map(({ label, headers, base64 }) => ({ label, headers, base64 }))).toEqual(
          pairs.map(([, each]) => each),
        );
        expect(pem.blocks.map(({ line }) => lines[line - 1])).toEqual(
          pairs.map(([, { label }]) => `-----BEGIN ${label}-----`),
        );
        expect(pem.byteOrderMark).toBe(mark !== '');
        expect(pem.carriageReturn !== undefined).toBe(text.includes('\r'));
        expect(pem.textOutside !== undefined).toBe(
          [...pairs.flatMap(([before]) => before), ...tail].some((line) => line.trim() !== ''),
        );
      }),
    );
  });

  it('is stable: what was joined once is joined to the same text again', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 5 }), (blocks) => {
        const text = joinPem(blocks);
        expect(joinPem(readPem(text).blocks)).toBe(text);
      }),
    );
  });

  it('never throws, and says something about every text that is not empty', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.constantFrom(
              '-----BEGIN X-----',
              '-----END X-----',
              '-----END Y-----',
              'AAAA',
              '----BEGIN X----',
            ),
          ),
          {
            maxLength: 12,
          },
        ),
        (lines) => {
          const text = lines.join('\n');
          const { blocks, faults, textOutside } = readPem(text);
          expect(blocks.length > 0 || faults.length > 0 || textOutside !== undefined).toBe(
            text.trim().replace(/^\uFEFF\s*/, '') !== '',
          );
        },
      ),
    );
  });

  const faults: [name: string, text: string, line: number, happened: RegExp][] = [
    ['cut off', 'x\n-----BEGIN CERTIFICATE-----\nAAAA\n', 2, /block 1 \(CERTIFICATE\) has no END marker/],
    ['END alone', 'AAAA\n-----END CERTIFICATE-----\n', 2, /END CERTIFICATE has no BEGIN/],
    [
      'other END',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----',
      3,
      /BEGIN CERTIFICATE of line 1 ends with END PRIVATE KEY/,
    ],
    [
      'BEGIN in a block',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      1,
      /no END marker/,
    ],
    ['four dashes', '----BEGIN CERTIFICATE----\nAAAA\n-----END CERTIFICATE-----', 1, /marker is damaged/],
    ['all on one line', '-----BEGIN CERTIFICATE----- AAAA -----END CERTIFICATE-----', 1, /shares its line/],
    [
      'escaped line breaks',
      '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n',
      1,
      /two characters \\n/,
    ],
    ['not base64', '-----BEGIN CERTIFICATE-----\nAAAA\nA*A!\n?\n-----END CERTIFICATE-----', 3, /not base64/],
  ];
  it.each(faults)('reports the line: %s', (_, text, line, happened) => {
    const [first] = readPem(text).faults;
    expect(first?.line).toBe(line);
    expect(first?.happened).toMatch(happened);
  });

  it('reads the block after a damaged one, under its own number', () => {
    const text =
      '-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    expect(readPem(text).blocks).toMatchObject([{ position: 2, line: 4 }]);
  });
});
