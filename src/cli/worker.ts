/*
 * A worker of `provision --workers`, which starts it with a pipe as its only way to the world: whatever it has to say, its
 * coordinator prints. When the pipe closes it ends at once, so that no host is touched, or kept locked, behind the back of a
 * run that is over.
 */
import { problemsOf } from '../core/errors.ts';
import { serveUnits } from '../engine/serve-units.ts';
import type { FromWorker, ToWorker } from '../engine/worker-link.ts';
import { maskText } from '../report/mask.ts';
import { guardProcess } from './guard-process.ts';
import { maskProblems, prepareWork } from './workers/work.ts';
import type { FromWorkerProcess, Setup, ToWorkerProcess } from './workers/worker-messages.ts';

process.umask(0o077);
// Its coordinator is told by the same signals, and says what is to be done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit(0));
if (process.send === undefined) {
  process.stderr.write('this is a part of provision --workers, and nothing to be started by hand\n');
  process.exit(5);
}

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
      onEnd: () => undefined,
    });
    tell({ type: 'ready' });
  } catch (error) {
    tell({ type: 'refused', problems: maskProblems(problemsOf(error)) });
  }
}

function tell(message: FromWorkerProcess, done: () => void = () => undefined): void {
  if (process.connected) process.send!(message, done);
}
