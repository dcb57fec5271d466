const inspect = Symbol.for('nodejs.util.inspect.custom');

/**
 * A value that reaches the wire and nothing else: printing, logging, inspecting or serialising it shows its name only.
 * @example
 * const token = new Secret('hunter2', 'api token');
 * `${token}`; // => '‹secret:api token›'
 */
export class Secret {
  readonly #value: string;
  /** What the secret is, for people: `key of rancher.example.com`. */
  readonly name: string;

  constructor(value: string, name: string) {
    this.#value = value;
    this.name = name;
    known.add(value);
  }

  /** The value itself. Only code that writes to a host or hashes the value has a reason to call this. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return `‹secret:${this.name}›`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect](): string {
    return this.toString();
  }
}

// Masking must know each secret that was ever made, also those that a playbook made by itself.
const known = new Set<string>();

/** The values of all secrets of this process, for the one sink that masks them. */
export function knownSecretValues(): ReadonlySet<string> {
  return known;
}
