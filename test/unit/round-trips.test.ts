import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reload } from '../../src/actions/reload.ts';
import { onChange } from '../../src/core/action.ts';
import { block } from '../../src/core/block.ts';
import type { RunEvent } from '../../src/core/event.ts';
import { inventory, playbook } from '../../src/core/play.ts';
import { createPlan } from '../../src/core/plan.ts';
import { resource } from '../../src/core/resource.ts';
import { sh } from '../../src/core/script.ts';
import type { ResourceStep, StepList } from '../../src/core/step.ts';
import { systemClock } from '../../src/engine/clock.ts';
import { LocalExecutor } from '../../src/engine/local-executor.ts';
import { runPlan } from '../../src/engine/run-plan.ts';
import type { Connection } from '../../src/host/connection.ts';
import { directory } from '../../src/resources/directory.ts';
import { file } from '../../src/resources/file.ts';
import { httpCheck } from '../../src/resources/http-check.ts';
import { pkg } from '../../src/resources/package.ts';
import { clock, cpus, memory } from '../../src/resources/requirements.ts';
import { service } from '../../src/resources/service.ts';
import { connect } from '../../src/ssh/connect.ts';
import { loopback, removeFolders, trusting } from '../../src/ssh/testing/loopback.ts';
import { startSshServer } from '../../src/ssh/testing/ssh-server.ts';
import { LocalShellConnection } from '../support/local-shell-connection.ts';
import { CountedHost, RoundTrips } from '../support/round-trips.ts';

const site = inventory({ node: {} });

async function run(connection: Connection, steps: StepList) {
  const trips = new RoundTrips();
  const groups = new Map([['node', [{ name: 'a', address: 'a.test', vars: new Map([['node', {}]]) }]]]);
  const plan = createPlan(playbook(site.play('node', () => steps)), { groups });
  const host = new CountedHost(trips, {
    ...{ name: 'a', address: '127.0.0.1', connection },
    progress: () => undefined,
    clock: Date.now,
  });
  const events: RunEvent[] = [];
  const { exit } = await runPlan(plan, {
    mode: 'apply',
    executor: new LocalExecutor(plan, async () => ({ host, close: async () => undefined }), systemClock),
    listener: (event) => events.push(event),
    clock: systemClock,
    signal: new AbortController().signal,
  });
  const told = events.flatMap((event) => (event.event === 'step' ? [event] : []));
  return { exit, told, trips };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'round-trips-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What stands in for what this machine may not have. */
const tools = {
  'dpkg-query': `shift 3; for name do printf '%s\\tinstalled\\tok\\n' "$name"; done`,
  systemctl: `while [ "$1" != -- ]; do shift; done; shift
for name do printf 'LoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\nNeedDaemonReload=no\\n\\n'; done`,
};

async function localHost(): Promise<LocalShellConnection> {
  for (const [name, text] of Object.entries(tools))
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return new LocalShellConnection({ path: folder });
}

const many = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));

// Owners can be set by root alone.
describe.runIf(process.getuid?.() === 0)('round trips of', () => {
  const files = (count: number): ResourceStep[] =>
    many(count, (index) => file({ path: `${folder}/${index}`, content: `${index}\n` }));

  test('a run that changes nothing: three at most, however many steps there are', async () => {
    const own = files(10);
    const steps = [
      ...[cpus({ atLeast: 1 }), memory({ atLeastGb: 0.1 }), clock()],
      many(8, (index) => pkg({ name: `package-${index}` })),
      many(8, (index) => directory({ path: `${folder}/d${index}` })),
      own,
      many(8, (index) => service({ name: `unit-${index}` })),
      onChange(own, reload('web')),
      onChange(own[0]!, reload('other')),
    ];
    const local = await localHost();
    expect((await run(local, steps)).told.every(({ status }) => status !== 'failed')).toBe(true);
    const { told, trips } = await run(local, steps);
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set(['ok']));
    expect(told).toHaveLength(39);
    expect(trips.count).toBeLessThanOrEqual(3);
    // Facts and the clock, then one script a kind: packages, paths, services, notes.
    expect(trips.asked).toHaveLength(6);
  });

  test('a run in which all steps change: about two a step', async () => {
    const { told, trips } = await run(await localHost(), files(10));
    expect(told.every(({ status }) => status === 'changed')).toBe(true);
    expect(trips.count).toBeLessThanOrEqual(2 * 10 + 1);
  }, 30_000);
});

test('checks that hold are asked together, and one that does not yet is asked again', async () => {
  let warmUp = 0;
  const server = createServer(({ url }, response) => {
    response.statusCode = url === '/slow' && warmUp++ < 2 ? 503 : 200;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const check = (path: string) => httpCheck({ request: { port, path }, expect: { status: 200 } });
  const local = new LocalShellConnection();
  const ready = await run(local, ['/a', '/b', '/c', '/d'].map(check));
  expect(ready.told.map(({ status, figure }) => [status, figure])).toEqual(Array(4).fill(['ok', 'HTTP 200']));
  // The look for notes that no step answers to travels with them.
  const requests = ({ asked }: RoundTrips) => asked.filter((what) => what.startsWith('GET '));
  expect([ready.trips.count, requests(ready.trips).length, ready.trips.asked.length]).toEqual([1, 4, 5]);
  const waited = await run(local, ['/a', '/slow', '/c'].map(check));
  server.close();
  expect(waited.told.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
  // Ahead, in its turn, and after a pause, which nothing that was seen before it outlives.
  expect(requests(waited.trips).map((request) => request.split('/')[1])).toEqual([
    'a',
    'slow',
    'c',
    'slow',
    'slow',
    'c',
  ]);
}, 30_000);

test('a deadline ends a step, and what it runs on the host', async () => {
  const server = await startSshServer();
  const connection = await connect(loopback(server.port), trusting([[server.port, server.hostKey]]));
  const mark = join(folder, 'went on');
  const slow = resource({
    kind: 'slow',
    want: (props: object) => props,
    id: () => 'one',
    read: async () => undefined,
    diff: () => [{ type: 'value', path: 'thing', want: 'there' }],
    apply: async (host) => void (await host.run(sh`sleep 3; touch ${mark}`, { timeoutMs: 60_000 })),
    retry: { retries: 5, delayMs: 1 },
  });
  try {
    const { exit, told } = await run(connection, block({ deadlineMs: 400 }, [slow({})]));
    expect(exit).toBe(2);
    expect(told[0]).toMatchObject({
      status: 'failed',
      problems: [
        {
          code: 'STEP_TIMEOUT',
          happened: 'the step did not end within its deadline of 0.4 s',
          hostState: 'its processes were ended',
        },
      ],
    });
    expect(told[0]).not.toHaveProperty('tries');
    const { stdout } = await connection.execute(sh`sleep 3; [ -e ${mark} ] || echo ended`, {
      doing: 'looking',
      timeoutMs: 10_000,
    });
    expect(stdout).toBe('ended\n');
  } finally {
    await connection.close();
    await server.close();
    removeFolders();
  }
}, 30_000);
