import { PassingFailure } from './open-socket.ts';

// sshd turns connections away at ten that are not logged in yet (MaxStartups), at random.
const startLimit = 8;

/**
 * How many logins are under way at one sshd at a time, over all hosts of a run: names that lead to one machine, or a jump
 * host. One that turns connections away gets fewer from then on.
 * @see sshd_config(5), MaxStartups
 */
export class LogInPace {
  readonly #limit: number;
  readonly #gates = new Map<string, { limit: number; running: number; waiting: (() => void)[] }>();

  /** @param processes how many share what an sshd takes, this one included */
  constructor(processes = 1) {
    this.#limit = Math.max(1, Math.floor(startLimit / processes));
  }

  /** Does `attempt` as soon as there is room at this place. */
  async run<T>(place: string, attempt: () => Promise<T>): Promise<T> {
    const gate = this.#gates.get(place) ?? { limit: this.#limit, running: 0, waiting: [] };
    this.#gates.set(place, gate);
    while (gate.running >= gate.limit) await new Promise<void>((resolve) => void gate.waiting.push(resolve));
    gate.running++;
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof PassingFailure) gate.limit = Math.max(1, Math.floor(gate.limit / 2));
      throw error;
    } finally {
      gate.running--;
      gate.waiting.shift()?.();
    }
  }
}
