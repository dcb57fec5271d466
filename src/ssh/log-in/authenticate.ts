import type { AnyAuthMethod, AuthenticationType, Prompt } from 'ssh2';
import type { ProvisionError } from '../../core/errors.ts';
import type { Secret } from '../../core/secret.ts';
import type { Credential } from './credentials.ts';
import type { SshTarget } from '../target.ts';
import { destination, oneLine, targetError } from '../target.ts';

/**
 * Goes through the credentials, each at most once, and never answers a question that it does not understand.
 * `refuse` is called when the host asks for something that we do not have.
 */
export class Authentication {
  readonly #target: SshTarget;
  readonly #left: Credential[];
  readonly #refuse: (error: ProvisionError) => void;
  readonly #tried: string[] = [];
  readonly #unusable: readonly string[];
  #offered: readonly string[] = [];

  constructor(
    target: SshTarget,
    credentials: readonly Credential[],
    refuse: (error: ProvisionError) => void,
  ) {
    this.#target = target;
    this.#left = credentials.filter(({ type }) => type !== 'unusable');
    this.#unusable = credentials.filter(({ type }) => type === 'unusable').map(({ label }) => label);
    this.#refuse = refuse;
  }

  /** The next attempt, or false when none is left. `methods` is what the host offers; null before its first word. */
  next(methods: readonly AuthenticationType[] | null): AnyAuthMethod | false {
    this.#offered = methods ?? this.#offered;
    const username = this.#target.user;
    // "none" asks the host for its methods, so that a password is sent only once and in the way that the host wants.
    if (methods === null && this.#left[0]?.type !== 'key') return { type: 'none', username };

    for (let credential = this.#left.shift(); credential; credential = this.#left.shift()) {
      const attempt = this.#attempt(credential, methods);
      if (!attempt) continue;
      this.#tried.push(credential.label);
      return attempt;
    }
    return false;
  }

  failure(): ProvisionError {
    const offered = this.#offered.length > 0 ? this.#offered.map(oneLine).join(', ') : 'nothing else';
    const tried = this.#tried.length > 0 ? this.#tried.join(', then ') : 'no credential';
    const login = `ssh -p ${this.#target.port} ${this.#target.user}@${this.#target.address}`;
    const notTried = this.#unusable.map((label) => `; not tried: ${label}`).join('');
    const happened = `${destination(this.#target)} refused the login: tried ${tried}; the host offers ${offered}${notTried}`;
    const remedy =
      this.#tried.length > 0
        ? `check user and credentials until "${login}" works; nothing was tried twice, so no account gets locked`
        : 'give a key file, a password or an SSH agent that the host accepts';
    return targetError(this.#target, 'AUTH', happened, { hostState: 'host untouched', remedy });
  }

  #attempt(credential: Credential, methods: readonly AuthenticationType[] | null): AnyAuthMethod | undefined {
    const username = this.#target.user;
    const isOffered = (method: AuthenticationType) =>
      (methods === null || methods.includes(method)) &&
      this.#target.without?.some((other) => other === method) !== true;
    switch (credential.type) {
      case 'key':
        return isOffered('publickey') ? { type: 'publickey', username, key: credential.key } : undefined;
      case 'agent':
        return isOffered('publickey') ? { type: 'agent', username, agent: credential.agent } : undefined;
      case 'unusable':
        return undefined;
      case 'password':
        if (isOffered('password'))
          return { type: 'password', username, password: credential.password.reveal() };
        return isOffered('keyboard-interactive') ? this.#interactive(credential.password) : undefined;
    }
  }

  #interactive(password: Secret): AnyAuthMethod {
    let answered = false;
    return {
      type: 'keyboard-interactive',
      username: this.#target.user,
      prompt: (_name, _text, _language, prompts: Prompt[], finish: (answers: string[]) => void) => {
        const [only] = prompts;
        // The wording is the host's, in any language; that it is one hidden question is what counts.
        if (answered || !only || prompts.length > 1 || only.echo === true)
          return void this.#refuse(this.#asked(prompts));
        answered = true;
        finish([password.reveal()]);
      },
    };
  }

  #asked(prompts: readonly Prompt[]): ProvisionError {
    const questions = prompts.map(({ prompt }) => `"${oneLine(prompt)}"`).join(', ');
    const happened = `${destination(this.#target)} asks ${questions}, which was not answered`;
    return targetError(this.#target, 'AUTH', happened, {
      hostState: 'host untouched',
      remedy: 'use a key for this user: one-time codes and other questions are not supported',
    });
  }
}
