import { isIP } from 'node:net';
import type { Problem } from '../core/errors.ts';
import { throwProblems } from '../core/errors.ts';

/** Throws `CERTIFICATE` for every name that is neither an IP address nor a DNS name as certificates hold them. */
export function throwBadNames(names: readonly string[]): void {
  throwProblems(names.filter((name) => !isIP(name) && !isDnsName(name)).map(badName));
}

// Strict on purpose: the names are written into a configuration file of openssl.
function isDnsName(name: string): boolean {
  const labels = name.replace(/^\*\./, '').split('.');
  return name.length <= 253 && labels.every((label) => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i.test(label));
}

function badName(name: string): Problem {
  return {
    code: 'CERTIFICATE',
    happened: `${JSON.stringify(name)} is neither a DNS name nor an IP address`,
    remedy: 'write names with letters, digits, hyphens and dots; non-ASCII names in their xn-- form',
  };
}
