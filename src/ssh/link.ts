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
  /** The jump host that it goes through. */
  readonly through?: Link;
  /** Another connection to the same host, for what this one has no room for. To be ended by who asked for it. */
  again(): Promise<Link>;
  /** Notes for whoever looks for the reason of something odd. Never holds a secret. */
  debug(text: string): void;
}
