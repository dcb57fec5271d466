import { errorCodes, problemsOf } from '../core/errors.ts';
import type { Question, ReadHost } from '../core/host.ts';

/** More of them in one script could be more than a command line holds. */
const mostAtOnce = 200;

/** Gathers the questions of one tick to one host: each kind of question is answered once, for all who ask it. */
export class Questions {
  readonly #host: ReadHost;
  readonly #rounds = new Map<Question<unknown>, Round<unknown>>();

  constructor(host: ReadHost) {
    this.#host = host;
  }

  async ask<Answer>(question: Question<Answer>, about: string): Promise<Answer | undefined> {
    const round = (this.#rounds.get(question) as Round<Answer> | undefined) ?? this.#open(question);
    round.asked.add(about);
    return (await round.answers)(about);
  }

  #open<Answer>(question: Question<Answer>): Round<Answer> {
    const asked = new Set<string>();
    const answers = endOfTick().then(() => {
      this.#rounds.delete(question);
      return answerAll(this.#host, question, [...asked]);
    });
    const round = { asked, answers };
    this.#rounds.set(question, round);
    return round;
  }
}

interface Round<Answer> {
  readonly asked: Set<string>;
  readonly answers: Promise<(about: string) => Promise<Answer | undefined>>;
}

/** When all promises of this turn of the event loop have been followed: who has to await something first still comes in time. */
function endOfTick(): Promise<void> {
  return Promise.resolve().then(() => new Promise((resolve) => process.nextTick(resolve)));
}

function answerAll<Answer>(host: ReadHost, question: Question<Answer>, asked: readonly string[]) {
  const answers = new Map<string, () => Promise<Answer | undefined>>();
  for (let first = 0; first < asked.length; first += mostAtOnce) {
    const part = asked.slice(first, first + mostAtOnce);
    const together = question(host, part);
    for (const about of part) {
      answers.set(about, async () => {
        try {
          return (await together).get(about);
        } catch (error) {
          // What one of them fails with must not be the failure of all.
          if (part.length === 1 || isOfTheHost(error)) throw error;
          return (await question(host, [about])).get(about);
        }
      });
    }
  }
  return (about: string) => answers.get(about)!();
}

/** Asking again would only fail again, later. */
function isOfTheHost(error: unknown): boolean {
  const [{ code }] = problemsOf(error);
  return code === 'STEP_TIMEOUT' || errorCodes[code] === 4;
}
