import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import { ProvisionError } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import type { Connection } from './connection.ts';
import { RemoteHost } from './remote-host.ts';

let folder: string;
let told: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-detached-'));
  told = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const hostOver = (connection: Connection) =>
  new RemoteHost({
    name: 'web-1',
    address: '127.0.0.1',
    connection,
    progress: (text) => void told.push(text),
    clock: Date.now,
  });
/** A run that starts its script, and dies. */
function dying(connection: Connection): Connection {
  let calls = 0;
  const lost = new ProvisionError({ code: 'CONN_LOST', happened: 'the line broke' });
  const execute: Connection['execute'] = (script, options) =>
    calls++ === 0 ? connection.execute(script, options) : Promise.reject(lost);
  return {
    ...connection,
    execute,
    upload: () => Promise.reject(lost),
    dial: () => Promise.reject(lost),
    close: async () => {},
  };
}

const uniqueName = () => `test ${randomBytes(8).toString('hex')}`;
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof ProvisionError ? error.code : String(error)),
  );

// Below /run for root, as a provisioned host has it.
describe.runIf(process.getuid?.() === 0).each(shells)('a detached script through $name', ({ options }) => {
  const open = () => new LocalShellConnection(options);

  it('answers as any other script does', async () => {
    const host = hostOver(open());
    const script = sh`echo out; echo err >&2; cat; echo "$0" | wc -l`;
    expect(await host.run(script, { detached: uniqueName() })).toEqual({
      code: 0,
      stdout: 'out\n1\n',
      stderr: 'err\n',
    });
    expect(await codeOf(host.run(sh`exit 3`, { detached: uniqueName() }))).toBe('COMMAND_FAILED');
  });

  it('runs each time that it is asked for, and leaves nothing behind', async () => {
    const host = hostOver(open());
    const [name, count] = [uniqueName(), join(folder, 'count')];
    for (let turn = 0; turn < 2; turn++) await host.run(sh`echo x >>${count}`, { detached: name });
    expect(await readFile(count, 'utf8')).toBe('x\nx\n');
    const { stdout } = await host.probe(sh`grep -rl ${count} /run/provision/detached 2>/dev/null; true`);
    expect(stdout).toBe('');
  });

  it('F11, F28: goes on without its run, and the next run waits for it and takes its outcome', async () => {
    const [name, count] = [uniqueName(), join(folder, 'count')];
    const script = sh`echo x >>${count}; sleep 2; echo outcome`;
    expect(await codeOf(hostOver(dying(open())).run(script, { detached: name }))).toBe('CONN_LOST');
    await expect.poll(() => readFile(count, 'utf8').catch(() => ''), { timeout: 10_000 }).toBe('x\n');
    expect((await hostOver(open()).run(script, { detached: name })).stdout).toBe('outcome\n');
    expect(await readFile(count, 'utf8')).toBe('x\n');
  });

  it('F28: of the same name and another text is waited for, and then ours is run', async () => {
    const [name, log] = [uniqueName(), join(folder, 'log')];
    const theirs = sh`echo theirs >>${log}; sleep 1; echo end >>${log}`;
    expect(await codeOf(hostOver(dying(open())).run(theirs, { detached: name }))).toBe('CONN_LOST');
    await hostOver(open()).run(sh`echo ours >>${log}`, { detached: name });
    expect(await readFile(log, 'utf8')).toBe('theirs\nend\nours\n');
  });

  it('has the environment of every other script', async () => {
    const host = hostOver(open());
    const list = sh`env | grep -vE '^(_|PWD|OLDPWD|SHLVL)=' | sort`;
    const { stdout } = await host.run(list, { detached: uniqueName() });
    expect(stdout).toContain('PATH=');
    expect(stdout).toBe((await host.run(list)).stdout);
  });

  it('F19: tells that it is still running, and what it said last', async () => {
    await hostOver(open()).run(sh`echo 'Unpacking nginx'; sleep 3`, {
      detached: uniqueName(),
      doing: 'apt-get install',
    });
    expect(told[0]).toMatch(/^apt-get install, \d s: Unpacking nginx$/);
  });

  it('F20: that takes too long is left running, and said so', async () => {
    const done = join(folder, 'done');
    const work = hostOver(open()).run(sh`sleep 4; touch ${done}`, {
      detached: uniqueName(),
      timeoutMs: 500,
      doing: 'apt',
    });
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown as ProvisionError,
    );
    expect(error?.problems[0]).toMatchObject({
      code: 'STEP_TIMEOUT',
      hostState: expect.stringMatching(/left running, as provision-[0-9a-f]{16}/) as string,
    });
    await expect.poll(() => readFile(done, 'utf8').catch(() => undefined), { timeout: 10_000 }).toBe('');
  });
});

it('a detached script is given no standard input, as a secret would lie in a file', async () => {
  const host = hostOver(new LocalShellConnection());
  await expect(host.run(sh`cat`, { stdin: 'x', detached: 'test' })).rejects.toThrow(
    /reads no standard input/,
  );
});
