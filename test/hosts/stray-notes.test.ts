import type { RunEvent } from 'provision';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { entryOf, Job } from './faults/job.ts';
import { failuresOf } from './support/provision.ts';
import { startHost, type TestHost } from './support/test-host.ts';

/** The playbooks of jobs have one name, so each is what the one before has become. */
const changed = (action: string) =>
  `(() => {
    const watched = file({ path: '/srv/app.conf', content: 'new\\n' });
    return [watched${action}];
  })()`;
const restart = (name: string, command: string) =>
  `, onChange(watched, action({ kind: 'restart', id: (of) => of, run: async (host) => void (await host.run(sh\`${command}\`)) })('${name}'))`;

type Notice = RunEvent & { readonly event: 'notice' };

let host: TestHost;
beforeAll(async () => {
  host = await startHost({ name: 'stray' });
});
afterAll(() => host.stop());

test('a note whose action has left the playbook is told by each run until a person removes it, and nothing is done', async () => {
  const run = async (job: Job, ...args: string[]) => {
    const notices: Notice[] = [];
    const onEvent = (event: RunEvent) => void (event.event === 'notice' && notices.push(event));
    const result = await job.run({ 'web-1': entryOf(host) }, args, { onEvent });
    return { exit: result.exit, failures: failuresOf(result), statuses: result.statuses, notices };
  };
  const before = new Job(changed(restart('old', 'exit 1')));
  expect((await run(before)).exit).toBe(2);
  // Left out on purpose, it is nothing to be told.
  expect((await run(before, '--skip', 'on change *')).notices).toEqual([]);

  const renamed = new Job(changed(restart('new', 'touch /srv/restarted')));
  for (const args of [['--check'], [], ['--workers', '2']]) {
    const { exit, failures, statuses, notices } = await run(renamed, ...args);
    expect({ exit, failures }).toEqual({ exit: 0, failures: '' });
    expect(statuses).toEqual(['web-1 file /srv/app.conf: ok', 'web-1 on change restart new: ok']);
    expect(notices).toMatchObject([{ level: 'warning', host: 'web-1' }]);
    expect(notices[0]!.text).toMatch(
      /^"on change restart old" is due since \d{4}-\S+Z, but no step of playbook\.ts does it any more/,
    );
  }
  expect(await host.run('ls /srv')).toBe('app.conf\n');

  const { notices } = await run(renamed, '--check');
  const command = /rm \/var\/lib\/provision\/due\/[0-9a-f]{16}$/.exec(notices[0]!.text);
  await host.run(command![0]);
  expect(await host.run('ls -A /var/lib/provision/due')).toBe('');
  expect((await run(renamed)).notices).toEqual([]);
});
