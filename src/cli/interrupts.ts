import { setMaxListeners } from 'node:events';

/** How a run is stopped from outside: the first signal lets the current steps finish, the second ends at once. */
export interface Interrupts {
  /** Aborted by the first signal; its reason is the exit code. */
  readonly signal: AbortSignal;
  /** 128 + number of the signal that came, as shells count; undefined when none has. */
  exitCode(): number | undefined;
  /** As SIGINT does, when a person has said so at a question. */
  readonly stop: () => void;
  /** Stops listening. */
  close(): void;
}

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type SignalName = keyof typeof numbers;

/** Listens for SIGINT, SIGTERM and SIGHUP. */
export function listenForInterrupts(on: {
  first: (signal: SignalName) => void;
  second: (exit: number) => void;
}): Interrupts {
  const controller = new AbortController();
  // Every host that is being connected to listens, and waits that are under way; Node takes more than ten for a leak.
  setMaxListeners(0, controller.signal);
  let received: SignalName | undefined;
  const handlers = (Object.keys(numbers) as SignalName[]).map((name) => {
    const handler = () => {
      if (received !== undefined) {
        on.second(128 + numbers[name]);
        return;
      }
      received = name;
      on.first(name);
      controller.abort(128 + numbers[name]);
    };
    process.on(name, handler);
    return { name, handler };
  });
  return {
    signal: controller.signal,
    stop: () => {
      received ??= 'SIGINT';
      controller.abort(128 + numbers[received]);
    },
    exitCode: () => (received === undefined ? undefined : 128 + numbers[received]),
    close: () => handlers.forEach(({ name, handler }) => process.off(name, handler)),
  };
}
