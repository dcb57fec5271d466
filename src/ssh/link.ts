import type { Client } from 'ssh2';
import type { Channels } from './channels.ts';
import type { Lifeline } from './lifeline.ts';
import type { SshTarget } from './target.ts';

/** An open connection, as its parts (shell, files, forwarding) share it. */
export interface Link {
  readonly target: SshTarget;
  readonly client: Client;
  readonly lifeline: Lifeline;
  readonly channels: Channels;
  /** Notes for whoever looks for the reason of something odd. Never holds a secret. */
  debug(text: string): void;
}
