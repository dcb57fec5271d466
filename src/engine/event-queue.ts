import type { RunEvent } from '../core/event.ts';

/** Events pushed on one side and iterated on the other; each passes through JSON, as it would between two processes. */
export class EventQueue implements AsyncIterable<RunEvent> {
  readonly #waiting: RunEvent[] = [];
  #ended = false;
  #wake: () => void = () => undefined;

  push(event: RunEvent): void {
    this.#waiting.push(JSON.parse(JSON.stringify(event)) as RunEvent);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event) yield event;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
