import type { ErrorCode } from 'provision';

/** What is wrong with a host of a crowd, and what must be told of it. */
export const fates = {
  refused: 'CONN_REFUSED',
  silent: 'CONN_TIMEOUT',
  'other key': 'HOSTKEY_CHANGED',
  'no login': 'AUTH',
  dies: 'CONN_LOST',
  'step fails': 'COMMAND_FAILED',
  'no sudo': 'BECOME_FAILED',
} as const satisfies Record<string, ErrorCode>;

export type Fate = keyof typeof fates | 'well';

/** One host of a crowd, as its inventory needs to know it. */
export interface Member {
  readonly name: string;
  readonly fate: Fate;
  readonly address: string;
  readonly port: number;
  /** `SHA256:…` of its key, or of another one where that is its fate. */
  readonly fingerprint: string;
}
