import { expect, it } from 'vitest';
import { MemoryHost } from '../host/memory-host.ts';
import { reload } from './reload.ts';
import { restart } from './restart.ts';

it('reloads a service that runs, and leaves one alone that does not', async () => {
  const host = new MemoryHost().answer('is-active', '').answer(' reload -- nginx', '');
  await reload('nginx').run(host);
  expect(host.runs).toEqual(['systemctl --quiet --no-ask-password reload -- nginx']);
  const stopped = new MemoryHost().answer('is-active', { code: 3 });
  await reload('nginx').run(stopped);
  expect(stopped.runs).toEqual([]);
  expect(stopped.progressed).toEqual(['nginx does not run: nothing to reload']);
});

it('fails with the journal when a restart fails', async () => {
  const host = new MemoryHost()
    .answer('NeedDaemonReload', 'NeedDaemonReload=no\n')
    .answer('restart', { code: 1, stderr: 'Job failed' })
    .answer('journalctl', 'no such option\n');
  const error = await restart('docker')
    .run(host)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    problems: [{ code: 'ACTION_FAILED', detail: 'Job failed\nno such option' }],
  });
});

it('loads a unit file that has changed before it restarts', async () => {
  const host = new MemoryHost().answer('NeedDaemonReload', 'NeedDaemonReload=yes\n').answer(/^systemctl/, '');
  host.answer('NeedDaemonReload', 'NeedDaemonReload=yes\n');
  await restart('docker').run(host);
  expect(host.runs).toEqual([
    'systemctl daemon-reload',
    'systemctl --quiet --no-ask-password restart -- docker',
  ]);
});
