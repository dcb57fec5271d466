import { needsToBecome } from './become.ts';
import type { SshTarget } from '../target.ts';

/** What was printed on the way to a shell, of bounded length. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

export interface Prompts {
  /** How often the password has been asked for. */
  readonly count: number;
  /** Whether it may be given: it is asked for the first time, by the one prompt that counts. */
  readonly answerable: boolean;
}

/**
 * Whether the password is asked for. sudo asks with our own nonce (sudo-rs puts it in brackets: `[sudo: NONCE] Password:`).
 * su and doas have prompts of their own: they count only where the whole of what the host has said since the last line
 * of our fixed command is that prompt.
 * @see https://github.com/trifectatechfoundation/sudo-rs
 */
export function promptsIn(target: SshTarget, printed: Printed, nonce: string): Prompts {
  if (!needsToBecome(target)) return { count: 0, answerable: false };
  if (target.become === 'sudo') {
    const count = printed.stderr.split(`${nonce}-password`).length - 1;
    return { count, answerable: count === 1 };
  }
  const said = [printed.stdout, printed.stderr].map((text) =>
    (sinceBegin(text, nonce) ?? '').replace(/^[\r\n]+/, ''),
  );
  const count = said.join('').match(anyPrompt)?.length ?? 0;
  return { count, answerable: count === 1 && fixedPrompt.test(said.join('')) };
}

const fixedPrompt = /^(?:doas \([^()\r\n]{1,80}\) )?password: ?$/i;
const anyPrompt = /password: ?/gi;

/** What a stream has said since our command began, or undefined when it has not. */
export function sinceBegin(text: string, nonce: string): string | undefined {
  const marker = `${nonce}-begin`;
  const at = text.lastIndexOf(marker);
  return at < 0 ? undefined : text.slice(at + marker.length);
}
