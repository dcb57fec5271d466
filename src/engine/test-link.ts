import type { WorkerEnd, WorkerLink } from './worker-link.ts';

/** The two ends of a line inside one process, for tests: messages pass through JSON and come in order, a tick later. */
export function linkPair<Out, In>(): {
  readonly here: WorkerLink<Out, In>;
  readonly there: WorkerLink<In, Out>;
  /** The worker is gone, as with `kill -9`: what it has sent still arrives, nothing is sent any more. */
  cut(why: string): void;
} {
  const here = new End<Out, In>();
  const there = new End<In, Out>();
  here.peer = there;
  there.peer = here;
  return {
    here,
    there,
    cut(why) {
      there.isCut = true;
      here.isCut = true;
      setImmediate(() => here.ended({ why, isDefect: false }));
    },
  };
}

class End<Out, In> implements WorkerLink<Out, In> {
  peer!: End<In, Out>;
  isCut = false;
  ended: (end: WorkerEnd) => void = () => undefined;
  #listener: (message: In) => void = () => undefined;

  send(message: Out): void {
    if (this.isCut) return;
    const text = JSON.stringify(message);
    setImmediate(() => this.peer.#listener(JSON.parse(text) as Out));
  }

  onMessage(listener: (message: In) => void): void {
    this.#listener = listener;
  }

  onEnd(listener: (end: WorkerEnd) => void): void {
    this.ended = listener;
  }
}
