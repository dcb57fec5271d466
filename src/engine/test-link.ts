import type { WorkerEnd, WorkerLink } from './worker-link.ts';

/** The two ends of a line inside one process, for tests: messages pass through JSON and come in order, a tick later. */
export function linkPair<Out, In>(): {
  readonly here: WorkerLink<Out, In>;
  readonly there: WorkerLink<In, Out>;
  /** The worker is gone, as with `kill -9`: what it has sent still arrives, nothing is sent any more. */
  cut(why: string): void;
  /** The worker hangs: it takes nothing and sends nothing, and the line stays. */
  hang(): void;
} {
  const here = new End<Out, In>();
  const there = new End<In, Out>();
  here.peer = there;
  there.peer = here;
  const cut = (why: string) => {
    if (here.isCut) return;
    there.isCut = true;
    here.isCut = true;
    setImmediate(() => here.ended({ why, isDefect: false }));
  };
  here.kill = cut;
  const hang = () => {
    there.isCut = true;
    there.onMessage(() => undefined);
  };
  return { here, there, cut, hang };
}

class End<Out, In> implements WorkerLink<Out, In> {
  peer!: End<In, Out>;
  isCut = false;
  ended: (end: WorkerEnd) => void = () => undefined;
  kill: (why: string) => void = () => undefined;
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
