import type { CertificateInput, CertificateReport } from './check-certificate.ts';
import { expect } from 'vitest';
import { formatProblem } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { checkCertificate } from './check-certificate.ts';
import { makeCertificate } from './test-authority.ts';

const hour = 60 * 60 * 1000;
const start = Date.now();

export const host = 'rancher.example.com';
export const san = `DNS:${host}`;
// Certificates are valid from the second in which they are made, some of them after this line.
export const now = new Date(start + hour);
export const inDays = (days: number) => new Date(now.getTime() + days * 24 * hour);

export const root = makeCertificate({ name: 'Test Root', ca: true, days: 3650 });
export const middle = makeCertificate({ name: 'Test Intermediate', ca: true, days: 1000, issuer: root });
export const leaf = makeCertificate({ name: host, san, issuer: middle });

export interface Given {
  readonly chain?: string | Buffer;
  readonly key?: string;
  readonly mode?: number;
  /** False: none was given. */
  readonly ca?: string | Buffer | false;
  readonly hostname?: string;
  readonly trust?: CertificateInput['trust'];
  readonly now?: Date;
}

export function inputOf(given: Given): CertificateInput {
  const trust = given.trust ?? 'own-ca';
  const content = given.ca ?? (trust === 'own-ca' ? root.pem : false);
  return {
    chain: { content: given.chain ?? leaf.pem + middle.pem, file: 'chain.pem' },
    key: {
      pem: new Secret(given.key ?? leaf.key, 'key'),
      file: 'key.pem',
      ...(given.mode !== undefined && { mode: given.mode }),
    },
    ...(content !== false && { ca: { content, file: 'ca.pem' } }),
    hostname: given.hostname ?? host,
    trust,
    now: given.now ?? now,
  };
}

type File = 'chain.pem' | 'key.pem' | 'ca.pem';
/** File, `line N` or the number of the block at whose BEGIN the finding has to point, and what it has to say. */
type Expected = readonly [file: File, where: number | `line ${number}`, text: RegExp];

export interface Case extends Given {
  readonly name: string;
  readonly problems?: readonly Expected[];
  readonly warnings?: readonly Expected[];
}

function lineOf(input: CertificateInput, file: File, where: Expected[1]): number {
  if (typeof where === 'string') return Number(where.slice('line '.length));
  const content = {
    'chain.pem': input.chain.content,
    'key.pem': input.key.pem.reveal(),
    'ca.pem': input.ca?.content ?? '',
  }[file];
  const begins = content
    .toString()
    .split('\n')
    .flatMap((text, index) => (text.includes('-----BEGIN') ? [index + 1] : []));
  return begins[where - 1]!;
}

/** Runs the check, and asserts of each report, whatever it is about, that no key shows in it. */
export function check(input: CertificateInput): CertificateReport {
  const report = checkCertificate(input);
  const { normalised, ...told } = report;
  const text = JSON.stringify(told) + [...report.problems, ...report.warnings].map(formatProblem).join('\n');
  const bodies = [input.key.pem.reveal(), ...keyBlocksIn(input.chain.content.toString())];
  for (const line of bodies.flatMap((body) => body.split(/\s+|\\n/))) {
    const isBody = line.length >= 16 && !line.includes('-----');
    if (isBody && text.includes(line)) throw new Error('a line of the key is in the report');
  }
  expect(JSON.stringify(normalised)).not.toContain('PRIVATE KEY');
  expect(Object.keys(report.normalised)).toContain('chain');
  return report;
}

function keyBlocksIn(text: string): string[] {
  return text.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+/g) ?? [];
}

export function expectFindings(given: Case): void {
  const input = inputOf(given);
  const report = check(input);
  for (const level of ['problems', 'warnings'] as const) {
    const found = report[level].map(formatProblem);
    const wanted = (given[level] ?? []).map(([file, where, text]) => {
      const start = `CERTIFICATE — ${file}:${lineOf(input, file, where)} — `;
      return expect.toSatisfy(
        (each: string) => each.startsWith(start) && text.test(each),
        `${start}${String(text)}`,
      ) as string;
    });
    expect(found, level).toEqual(wanted);
  }
  for (const { happened, remedy } of [...report.problems, ...report.warnings]) {
    expect(happened).not.toMatch(/\.$|undefined|\n/);
    expect(remedy).toMatch(/./);
  }
}

/** A PEM block that says `label`, whatever it holds. */
export function block(label: string, content: string): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(content).toString('base64')}\n-----END ${label}-----\n`;
}

export function withCrlf(pem: string): string {
  return pem.replaceAll('\n', '\r\n');
}
