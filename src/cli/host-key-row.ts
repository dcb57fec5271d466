import type { Problem } from '../core/errors.ts';
import type { ScannedHostKey } from '../ssh/identity/trust.ts';

/** A host of the inventory, and what came of asking it for its key. */
export type HostKeyRow = {
  readonly host: string;
  readonly address: string;
  readonly port: number;
} & ({ readonly scanned: ScannedHostKey } | { readonly problems: readonly [Problem, ...Problem[]] });

/** The cells of a host for people: who it is, where, its key, and what that means. */
export function hostKeyCells(row: HostKeyRow): string[] {
  const where = row.address.includes(':') ? `[${row.address}]:${row.port}` : `${row.address}:${row.port}`;
  if ('problems' in row) return [row.host, where, '-', '-', `not asked: ${row.problems[0].code}`];
  const { type, fingerprint } = row.scanned;
  return [row.host, where, type, fingerprint, meaning(row.scanned)];
}

function meaning({ status, known, why }: ScannedHostKey): string {
  const because = why === undefined ? '' : `; ${why}`;
  const instead =
    known && `${known.type === undefined ? '' : `${known.type} `}${known.fingerprint} (${known.where})`;
  switch (status) {
    case 'known':
      return 'known';
    case 'vouched':
      return `vouched for by CA ${instead ?? ''}`;
    case 'new':
      return `new${because}`;
    case 'not-vouched':
      return `REFUSED: nobody vouches for it${because}`;
    case 'changed':
    case 'not-pinned':
      return `CHANGED: known is ${instead ?? ''}${because}`;
    case 'revoked':
      return `REVOKED: ${instead ?? ''}`;
  }
}

/** The same for programs: one line of `--output jsonl`. */
export function hostKeyEvent({ host, address, port, ...row }: HostKeyRow): object {
  const event = { event: 'host-key', host, address, port };
  if ('problems' in row) return { ...event, status: 'not-asked', problems: row.problems };
  const { host: _host, line: _line, ...scanned } = row.scanned;
  return { ...event, ...scanned };
}
