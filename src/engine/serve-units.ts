import { setMaxListeners } from 'node:events';
import type { Executor, WorkUnit } from './executor.ts';
import type { FromWorker, StopReason, ToWorker, WorkerLink } from './worker-link.ts';

/** Does in this process the units that a coordinator sends, until it says `close`. */
export function serveUnits(
  executor: Executor,
  link: Pick<WorkerLink<FromWorker, ToWorker>, 'send' | 'onMessage'>,
): void {
  const running = new Map<number, AbortController>();
  const run = async (id: number, unit: WorkUnit, stopped: StopReason | undefined) => {
    const controller = new AbortController();
    // Whatever waits on a host listens, and Node takes more than ten for a leak.
    setMaxListeners(0, controller.signal);
    running.set(id, controller);
    if (stopped !== undefined) controller.abort(stopped);
    for await (const event of executor.run(unit, controller.signal)) link.send({ type: 'event', id, event });
    running.delete(id);
    link.send({ type: 'done', id });
  };
  link.onMessage((message) => {
    switch (message.type) {
      case 'run':
        void run(message.id, message.unit, message.stopped);
        break;
      case 'stop':
        running.get(message.id)?.abort(message.reason);
        break;
      case 'ping':
        link.send({ type: 'pong' });
        break;
      case 'close':
        void executor.close().then(() => link.send({ type: 'closed' }));
    }
  });
}
