import ssh2 from 'ssh2';
import type { BaseAgent, IdentityCallback, ParsedKey, SignCallback, SigningRequestOptions } from 'ssh2';

/** An agent that offers chosen identities only: a host that counts attempts must not be shown every key that a person owns. */
export class ChosenIdentities extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: BaseAgent;
  readonly #identities: readonly ParsedKey[];

  constructor(agent: BaseAgent, identities: readonly ParsedKey[]) {
    super();
    this.#agent = agent;
    this.#identities = identities;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    done(null, [...this.#identities]);
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}

/** The agent behind a socket and the identities that it holds. Rejects when it does not answer within 5 seconds. */
export async function askAgent(socket: string): Promise<{ agent: BaseAgent; identities: ParsedKey[] }> {
  const agent = ssh2.createAgent(socket);
  const identities = await new Promise<ParsedKey[]>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it does not answer')), 5000);
    agent.getIdentities((error, keys) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve((keys ?? []).flatMap(asKey));
    });
  });
  return { agent, identities };
}

function asKey(entry: unknown): ParsedKey[] {
  const parsed = ssh2.utils.parseKey(entry as ParsedKey);
  return parsed instanceof Error ? [] : [parsed];
}
