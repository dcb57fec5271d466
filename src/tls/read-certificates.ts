import { X509Certificate } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { isSame, nameOf } from './certificate.ts';
import type { Finding } from './finding.ts';
import { problem, warning } from './finding.ts';
import { foreignFormat } from './foreign-format.ts';
import type { PemBlock, PemFile, PemText } from './read-pem.ts';
import { joinPem, readPem } from './read-pem.ts';

/** The certificates of one file, in the order of the file. */
export interface CertificateFile {
  readonly file: string;
  readonly certificates: readonly Certificate[];
  readonly findings: readonly Finding[];
  /** False when a part of the file could not be read, so that nothing can be said about what is missing in it. */
  readonly complete: boolean;
  /** The certificates alone, as `joinPem` writes them. */
  readonly normalised: string;
}

/** Reads a file that may hold certificates and nothing else. */
export function readCertificates(source: PemFile): CertificateFile {
  const { file } = source;
  const pem = readPem(source.content);
  const findings: Finding[] = pem.faults.map((fault) =>
    problem({ file, line: fault.line }, fault.happened, fault.remedy),
  );
  const certificates: Certificate[] = [];
  for (const block of pem.blocks) {
    const at = { file, line: block.line };
    const read = parse(block);
    if (read instanceof X509Certificate) certificates.push({ x509: read, at, position: block.position });
    else findings.push(problem(at, read.happened, read.remedy));
  }
  if (pem.blocks.length === 0 && pem.faults.length === 0) {
    const { happened, remedy } = foreignFormat(source.content, file, 'certificates');
    findings.push(problem({ file, line: 1 }, happened, remedy));
  } else {
    findings.push(...checkForm(pem, file));
  }
  findings.push(...checkDuplicates(certificates));
  return {
    file,
    certificates,
    findings,
    complete: pem.faults.length === 0 && certificates.length === pem.blocks.length && certificates.length > 0,
    normalised: joinPem(pem.blocks.filter((block) => block.label === 'CERTIFICATE')),
  };
}

/** Warnings about what is put right on the way to the host. */
export function checkForm(pem: PemText, file: string): Finding[] {
  const findings: Finding[] = [];
  const remedy = 'nothing to do: the copy for the host is written without';
  if (pem.byteOrderMark)
    findings.push(warning({ file, line: 1 }, 'the file begins with a byte order mark', remedy));
  if (pem.carriageReturn !== undefined) {
    findings.push(
      warning({ file, line: pem.carriageReturn }, 'the file has Windows line ends (CRLF)', remedy),
    );
  }
  if (pem.textOutside !== undefined) {
    const happened = 'the file has text outside of its PEM blocks, as openssl -text prints it';
    findings.push(warning({ file, line: pem.textOutside }, happened, remedy));
  }
  return findings;
}

interface Refusal {
  readonly happened: string;
  readonly remedy: string;
}

function parse(block: PemBlock): X509Certificate | Refusal {
  if (block.label !== 'CERTIFICATE') return wrongLabel(block);
  try {
    return new X509Certificate(joinPem([block]));
  } catch {
    return {
      happened: `block ${block.position} is damaged: it says CERTIFICATE and does not hold one`,
      remedy: 'copy the file again, whole',
    };
  }
}

function wrongLabel({ label, position }: PemBlock): Refusal {
  if (label.endsWith('PRIVATE KEY')) {
    return {
      happened: `block ${position} is a private key (${label}) in a file of certificates`,
      remedy: 'take it out: the key has a file of its own, which nobody else may read',
    };
  }
  const remedies: Record<string, string> = {
    'CERTIFICATE REQUEST': 'that is a request to a CA: give the certificate that the CA sent back',
    'NEW CERTIFICATE REQUEST': 'that is a request to a CA: give the certificate that the CA sent back',
    'TRUSTED CERTIFICATE': 'convert it with: openssl x509 -in FILE -out certificate.pem',
    'X509 CERTIFICATE': 'convert it with: openssl x509 -in FILE -out certificate.pem',
    PKCS7: 'convert it with: openssl pkcs7 -in FILE -print_certs -out fullchain.pem',
    CMS: 'convert it with: openssl pkcs7 -in FILE -print_certs -out fullchain.pem',
  };
  return {
    happened: `block ${position} is ${label}, not CERTIFICATE`,
    remedy: remedies[label] ?? 'take it out: only CERTIFICATE blocks belong here',
  };
}

function checkDuplicates(certificates: readonly Certificate[]): Finding[] {
  return certificates.flatMap((certificate, index) => {
    const first = certificates.slice(0, index).find((each) => isSame(each.x509, certificate.x509));
    if (!first) return [];
    return [problem(certificate.at, `${nameOf(certificate)} repeats block ${first.position}`, 'remove it')];
  });
}
