import type { X509Certificate } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { isIssuedBy, isSame, isSelfSigned, nameOf, shortName } from './certificate.ts';
import type { Finding } from './finding.ts';
import { problem, warning } from './finding.ts';
import type { ChainPath } from './order-chain.ts';
import { publicRoots } from './public-roots.ts';

/** The chain leads to a root of the CA file, and not to a recognised one. */
export function checkOwnCa(path: ChainPath, ca: readonly Certificate[], caFile: string): Finding[] {
  const [leaf] = path;
  const top = topOf(path);
  if (leadsToPublicRoot(path)) {
    return [
      warning(
        leaf.at,
        `${nameOf(leaf)} comes from a recognised CA, and is used as if from a CA of your own`,
        'choose the option of a recognised CA: clients know this CA already',
      ),
      ...checkRootPresent(path, ca, caFile),
    ];
  }
  if (isSelfSigned(leaf.x509)) return checkSelfSigned(leaf, ca, caFile);
  const direct = path.some(({ x509 }) => ca.some((root) => isRootOf(x509, root.x509)));
  if (direct || rootOf(path, ca) === undefined) return checkRootPresent(path, ca, caFile);
  return [
    warning(
      top.at,
      `the chain ends with ${nameOf(top)}; its issuer ${issuerName(top)} is in ${caFile} only`,
      `append ${issuerName(top)} to the chain: a client that trusts the root alone cannot find it`,
    ),
  ];
}

/** The chain leads to a root that clients know by themselves. */
export function checkRecognisedCa(path: ChainPath): Finding[] {
  if (leadsToPublicRoot(path)) return [];
  const top = topOf(path);
  const choice = 'choose the option of an own CA and give its certificate';
  if (isSelfSigned(top.x509)) {
    const what = path.length === 1 ? 'is self-signed' : 'is the root of the chain and no recognised CA';
    return [warning(top.at, `${nameOf(top)} ${what}: clients will refuse it`, choice)];
  }
  const url = issuerUrl(top.x509);
  return [
    problem(
      top.at,
      `the chain is not complete: ${issuerName(top)}, which issued ${nameOf(top)}, is neither in the file nor a recognised root`,
      `append its certificate${url ? ` (${url})` : ''}, or, if ${issuerName(top)} is not a public CA, ${choice}`,
    ),
  ];
}

/** Every block of a CA file is a CA; only the self-signed server certificate itself may stand in for one. */
export function checkCaBlocks(ca: readonly Certificate[], leaf: X509Certificate | undefined): Finding[] {
  return ca
    .filter(({ x509 }) => !x509.ca)
    .filter(({ x509 }) => !(leaf && isSame(x509, leaf) && isSelfSigned(x509)))
    .map((each) =>
      problem(
        each.at,
        `${nameOf(each)} is not a CA (no CA:TRUE)`,
        'the CA file holds the intermediate and root certificates, not that of the server',
      ),
    );
}

function checkSelfSigned(leaf: Certificate, ca: readonly Certificate[], caFile: string): Finding[] {
  if (ca.some(({ x509 }) => isSame(x509, leaf.x509))) {
    const happened = `${nameOf(leaf)} is self-signed and serves as its own CA: it cannot be renewed without trusting it anew`;
    return [warning(leaf.at, happened, 'make a CA, and have it sign the certificate of the server')];
  }
  return [
    problem(leaf.at, `${nameOf(leaf)} is self-signed and not in ${caFile}`, `put it into ${caFile} too`),
  ];
}

function checkRootPresent(path: ChainPath, ca: readonly Certificate[], caFile: string): Finding[] {
  const top = topOf(path);
  if (ca.length === 0 || rootOf(path, ca)) return [];
  const intermediate = ca.find(({ x509 }) =>
    path.some((each) => isSame(each.x509, x509) || isIssuedBy(each.x509, x509)),
  );
  if (intermediate) {
    const last = climb(intermediate, ca);
    const happened = `${caFile} holds ${nameOf(last)} but not the root above it, ${issuerName(last)}`;
    return [problem(last.at, happened, `append ${issuerName(last)} to ${caFile}`)];
  }
  const namesake = ca.find(({ x509 }) => x509.subject === top.x509.issuer);
  if (namesake) {
    const happened = `${nameOf(namesake)} has the name of the issuer of ${nameOf(top)}, but did not sign it: its key is another`;
    return [
      problem(
        namesake.at,
        happened,
        'give the CA certificate that was in use when the server certificate was signed',
      ),
    ];
  }
  if (isSelfSigned(top.x509)) {
    const happened = `the chain leads to ${nameOf(top)}, which is not in ${caFile}`;
    return [problem(top.at, happened, `put it into ${caFile}`)];
  }
  return [
    problem(
      top.at,
      `the chain is not complete: ${issuerName(top)}, which issued ${nameOf(top)}, is neither in the file nor in ${caFile}`,
      `append ${issuerName(top)} to the chain if it is an intermediate, to ${caFile} if it is the root`,
    ),
  ];
}

function topOf(path: ChainPath): Certificate {
  return path[path.length - 1]!;
}

function issuerName({ x509 }: Certificate): string {
  return shortName(x509.issuer);
}

function leadsToPublicRoot(path: ChainPath): boolean {
  return path.some(({ x509 }) => publicRoots().some((root) => isRootOf(x509, root)));
}

function isRootOf(x509: X509Certificate, root: X509Certificate): boolean {
  // In this order: comparing names is quick, and only a few roots are left for the signatures.
  return isIssuedBy(x509, root) && isSelfSigned(root);
}

/** The self-signed certificate of the CA file that some certificate of the path leads to. */
function rootOf(path: ChainPath, ca: readonly Certificate[]): Certificate | undefined {
  return path
    .map((each) => climb(each, ca))
    .find((end) => isSelfSigned(end.x509) && ca.some((each) => isSame(each.x509, end.x509)));
}

/** The last issuer that the CA file leads to from here, or the certificate itself. */
function climb(from: Certificate, ca: readonly Certificate[]): Certificate {
  let end = ca.find(({ x509 }) => isSame(x509, from.x509)) ?? from;
  const seen = new Set([end]);
  while (!isSelfSigned(end.x509)) {
    const below = end.x509;
    const issuer = ca.find((each) => !seen.has(each) && isIssuedBy(below, each.x509));
    if (!issuer) break;
    seen.add(issuer);
    end = issuer;
  }
  return end;
}

// "CA Issuers" of the authority information access: where a public CA publishes the missing certificate.
function issuerUrl(x509: X509Certificate): string | undefined {
  return /^CA Issuers - URI:(https?:\/\/[!-~]+)$/m.exec(x509.infoAccess ?? '')?.[1];
}
