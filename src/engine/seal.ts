import { createHmac, scrypt } from 'node:crypto';
import { canonical } from '../core/canonical.ts';
import { leavesOf } from '../core/leaves-of.ts';
import type { Plan } from '../core/plan.ts';
import { Secret } from '../core/secret.ts';

/**
 * Hashes of what a plan compares. Their key is derived from all secrets that the steps want and from the salt of the
 * plan: whoever makes the plan again has it, and the plan does not hold it. So no hash in a plan can be guessed without
 * guessing all of these secrets at once, each guess at the cost of one scrypt.
 */
export class Seal {
  readonly #plan: Plan;
  readonly #salt: string;
  #key: Promise<Buffer> | undefined;

  constructor(plan: Plan, salt: string) {
    this.#plan = plan;
    this.#salt = salt;
  }

  /**
   * Hash of data: 64 digits, lower-case hex.
   * @throws ProvisionError `PLAYBOOK` for what is no data, such as a function
   */
  of(value: unknown): Promise<string> {
    return this.#hash(canonical(value));
  }

  /** Hash of what a step wants, in which functions count as their source. */
  ofWant(want: unknown): Promise<string> {
    return this.#hash(canonical(want, 'source'));
  }

  /** Hash of values that may hold secrets which no step wants: slow by itself. */
  async ofInput(input: unknown): Promise<string> {
    return (await derive(canonical(input, 'source'), this.#salt)).toString('hex');
  }

  async #hash(text: string): Promise<string> {
    this.#key ??= this.#makeKey();
    return createHmac('sha256', await this.#key)
      .update(text)
      .digest('hex');
  }

  /** Where nothing is secret, nobody has to be kept from guessing. */
  async #makeKey(): Promise<Buffer> {
    const secrets = secretsOf(this.#plan);
    return secrets.length === 0 ? Buffer.from(this.#salt) : derive(JSON.stringify(secrets), this.#salt);
  }
}

function secretsOf(plan: Plan): string[] {
  const steps = plan.plays.flatMap((play) => play.hosts).flatMap((host) => host.steps);
  const wants = steps.flatMap((step) => (step.type === 'resource' ? [step.want] : []));
  const secrets = wants.flatMap((want) => [...leavesOf(want)]).filter((leaf) => leaf instanceof Secret);
  return [...new Set(secrets.map((secret) => secret.reveal()))].sort();
}

function derive(text: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // 16 MB and about 50 ms a guess.
    scrypt(text, salt, 32, { N: 2 ** 14, r: 8, p: 1 }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
