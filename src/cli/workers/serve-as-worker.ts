import { problemsOf } from '../../core/errors.ts';
import { serveUnits } from '../../engine/serve-units.ts';
import type { FromWorker, ToWorker } from '../../engine/worker-link.ts';
import { maskText } from '../../report/mask.ts';
import { guardProcess } from '../guard-process.ts';
import { maskProblems, prepareWork } from './work.ts';
import type { FromWorkerProcess, ToWorkerProcess, Setup } from './worker-messages.ts';

/** Does what the coordinator of this process wants, until the pipe to it closes. */
export function serveAsWorker(): void {
  let isPlanned = false;
  let listener: (message: ToWorker) => void = () => undefined;

  guardProcess(
    // While the plan is made a playbook prints what it has printed in the coordinator already.
    { message: (text) => isPlanned && tell({ type: 'message', text: maskText(text) }) },
    (error) => {
      const [{ happened }] = problemsOf(error);
      const stack = error instanceof Error ? (error.stack ?? happened) : happened;
      tell({ type: 'crashed', why: maskText(happened), stack: maskText(stack) }, () => process.exit(1));
    },
  );
  process.on('message', (message: ToWorkerProcess) => {
    if (message.type === 'setup') void setUp(message);
    else listener(message);
  });

  async function setUp(setup: Setup): Promise<void> {
    try {
      const executor = await prepareWork(setup, tell);
      isPlanned = true;
      serveUnits(executor, {
        send: (message: FromWorker) => tell(message),
        onMessage: (given) => (listener = given),
      });
      tell({ type: 'ready' });
    } catch (error) {
      tell({ type: 'refused', problems: maskProblems(problemsOf(error)) });
    }
  }
}

function tell(message: FromWorkerProcess, done: () => void = () => undefined): void {
  if (process.connected) process.send!(message, done);
}
