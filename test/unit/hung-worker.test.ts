import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { inventory, playbook, type RunEvent } from 'provision';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newRun } from '../../src/cli/run-identity.ts';
import { pack } from '../../src/cli/workers/hand-over.ts';
import { WorkerProcess } from '../../src/cli/workers/worker-process.ts';
import { createPlan } from '../../src/core/plan.ts';
import { planDigest } from '../../src/engine/plan-digest.ts';
import { StillClock } from '../../src/engine/test-clock.ts';
import { play } from '../../src/engine/test-executor-contract.ts';
import { WorkerExecutor } from '../../src/engine/worker-executor.ts';
import type { FromWorker, ToWorker, WorkerLink } from '../../src/engine/worker-link.ts';
import type { SshTarget } from '../../src/ssh/target.ts';
import { folderWith } from '../hosts/support/provision.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A host that takes connections and then says nothing. */
let silent: Server;
beforeAll(async () => {
  silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
});
afterAll(() => silent.close());

const text = `import { inventory, playbook } from 'provision';
export default playbook(inventory({ node: {} }).play('node', () => []));
`;

test('a worker process that is stopped is ended, while one that answers is left to work', async () => {
  const file = folderWith({ 'playbook.ts': text }).file('playbook.ts');
  const address = '127.0.0.1';
  const resolved = { groups: new Map([['node', [{ name: 'a', address, vars: new Map([['node', {}]]) }]]]) };
  const { port } = silent.address() as AddressInfo;
  const target: SshTarget = {
    name: 'a',
    address,
    port,
    user: 'x',
    become: 'none',
    connectTimeoutMs: 60_000,
  };
  const plan = createPlan(playbook(inventory({ node: {} }).play('node', () => [])), resolved);
  const worker = new WorkerProcess({ message: () => undefined, accepted: () => undefined });
  await worker.setUp({
    type: 'setup',
    playbook: file,
    resolved: pack(resolved),
    chosen: pack(undefined),
    targets: pack(new Map([['a', target]])),
    digest: planDigest(plan),
    run: newRun(),
    processes: 1,
    acceptNew: false,
    debug: false,
    reconnectMs: 0,
    lockWaitMs: 0,
  });
  const clock = new StillClock();
  const { link, answer } = watched(worker);
  const executor = new WorkerExecutor(plan, [{ link, hosts: ['a'] }], clock);
  const firstAnswer = answer();
  const connected = once(silent, 'connection');
  let events: RunEvent[] | undefined;
  const running = told(executor.run(play('a'), new AbortController().signal)).then((all) => (events = all));
  await Promise.all([firstAnswer, connected]);
  for (let round = 0; round < 10; round++) {
    const next = answer();
    await clock.wake();
    await next;
  }
  expect(events).toBeUndefined();
  process.kill(workerProcess(), 'SIGSTOP');
  while (events === undefined) await clock.wake();
  expect((await running).at(-1)).toMatchObject({
    step: 'connect',
    status: 'failed',
    problems: [{ code: 'WORKER_LOST', happened: expect.stringContaining('no sign of life') as unknown }],
  });
  await worker.close();
});

/** The link, and when the next sign of life comes through it. */
function watched(worker: WorkerProcess): {
  readonly link: WorkerLink<ToWorker, FromWorker>;
  readonly answer: () => Promise<void>;
} {
  let onPong = () => {};
  const link: WorkerLink<ToWorker, FromWorker> = {
    send: (message) => worker.send(message),
    onMessage: (listener) =>
      worker.onMessage((message) => {
        listener(message);
        if (message.type === 'pong') onPong();
      }),
    onEnd: (listener) => worker.onEnd(listener),
    kill: (why) => worker.kill(why),
  };
  return { link, answer: () => new Promise((resolve) => (onPong = resolve)) };
}

async function told(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** The worker that this process has started. */
function workerProcess(): number {
  const threads = readdirSync('/proc/self/task');
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim().split(' '),
  );
  const found = children.find(
    (pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dist/worker.js'),
  );
  return Number(found);
}
