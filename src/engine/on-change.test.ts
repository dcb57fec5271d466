import { expect, test } from 'vitest';
import { action, onChange } from '../core/action.ts';
import type { RunMode } from '../core/event.ts';
import type { Host } from '../core/host.ts';
import { createPlan } from '../core/plan.ts';
import { inventory, playbook } from '../core/play.ts';
import { resource } from '../core/resource.ts';
import { selectSteps, type StepSelection } from '../core/select-steps.ts';
import { sh } from '../core/script.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { systemClock } from './clock.ts';
import { LocalExecutor } from './local-executor.ts';
import { runPlan } from './run-plan.ts';

/** A host that keeps notes of what is due, and a server on it that reads its one file when it is restarted. */
class ServerHost extends MemoryHost {
  readonly notes = new Set<string>();
  running = 'v1';
  restarts = 0;
  fails = false;

  constructor(content = 'v1') {
    super({ name: 'node-1' });
    this.file('/etc/app.conf', content);
    this.answer(/provision\/due/, (script) => this.#note(script));
    this.answer(/^running/, () => this.running);
    this.answer(/^restart/, () => {
      if (this.fails) return { code: 1, stderr: 'no' };
      this.restarts++;
      void this.readFile('/etc/app.conf').then((text) => (this.running = text!));
      return '';
    });
  }

  #note(script: string) {
    const names = script.match(/\b[0-9a-f]{16}\b/g) ?? [];
    const isThere = names.filter((name) => this.notes.has(name));
    if (script.startsWith('rm ')) names.forEach((name) => this.notes.delete(name));
    else if (script.startsWith('mkdir ')) names.forEach((name) => this.notes.add(name));
    else return { code: isThere.length > 0 ? 0 : 1, stdout: isThere.map((name) => `${name}\n`).join('') };
    return '';
  }
}

const config = resource({
  kind: 'config',
  want: (props: { text: string }) => props,
  id: () => '/etc/app.conf',
  read: async (host) => ({ text: await host.readFile('/etc/app.conf') }),
  apply: (host, { text }) => host.writeFile('/etc/app.conf', text, { mode: '0644' }),
});

const definition = {
  kind: 'restart',
  id: (name: string) => name,
  run: async (host: Host, name: string) => void (await host.run(sh`restart ${name}`)),
};
const blindRestart = action(definition);
/** Knows by a look at the server whether it runs with what it should. */
const restart = action({
  ...definition,
  whyDue: async (host) => {
    const wanted = await host.readFile('/etc/app.conf');
    const { stdout: running } = await host.probe(sh`running`);
    return running === wanted ? undefined : `the server runs ${running}, not ${wanted}`;
  },
});

const site = inventory({ node: {} });

async function run(
  host: MemoryHost,
  options: { text: string; mode?: RunMode; looks?: boolean; select?: StepSelection },
) {
  const book = playbook(
    site.play('node', () => {
      const file = config({ text: options.text });
      return [file, onChange(file, (options.looks === false ? blindRestart : restart)('app'))];
    }),
  );
  const members = [{ name: 'node-1', address: '192.0.2.1', vars: new Map([['node', {}]]) }];
  const whole = createPlan(book, { groups: new Map([['node', members]]) });
  const plan = selectSteps(whole, options.select ?? {});
  const told: string[] = [];
  const { exit } = await runPlan(plan, {
    mode: options.mode ?? 'apply',
    executor: new LocalExecutor(plan, async () => ({ host, close: async () => undefined }), systemClock),
    listener: (event) => {
      if (event.event === 'step')
        told.push([event.step, event.status, ...(event.problems ?? []).map(({ code }) => code)].join(': '));
    },
    clock: systemClock,
    signal: new AbortController().signal,
  });
  return { exit, told };
}

test('what was changed by hand is found where the host shows it, in a check too, and is done once', async () => {
  const host = new ServerHost('v2');
  const checked = await run(host, { text: 'v2', mode: 'check' });
  expect(checked.told).toEqual(['config /etc/app.conf: ok', 'on change restart app: would-change']);
  expect(host.restarts).toBe(0);
  expect((await run(host, { text: 'v2' })).told[1]).toBe('on change restart app: changed');
  expect((await run(host, { text: 'v2' })).told[1]).toBe('on change restart app: ok');
  expect(host).toMatchObject({ restarts: 1, running: 'v2' });
});

test('a note that was lost with its disk is not missed where the host shows what is due', async () => {
  const host = new ServerHost();
  host.fails = true;
  await run(host, { text: 'v2' });
  host.notes.clear();
  host.fails = false;
  expect((await run(host, { text: 'v2' })).told[1]).toBe('on change restart app: changed');
});

test('an action that fails keeps its note, and the next run does it', async () => {
  const host = new ServerHost();
  host.fails = true;
  expect((await run(host, { text: 'v2', looks: false })).told[1]).toMatch(/failed: COMMAND_FAILED/);
  expect(host.notes.size).toBe(1);
  host.fails = false;
  expect((await run(host, { text: 'v2', looks: false })).told).toEqual([
    'config /etc/app.conf: ok',
    'on change restart app: changed',
  ]);
  expect(host.notes.size).toBe(0);
  expect((await run(host, { text: 'v2', looks: false })).told[1]).toBe('on change restart app: ok');
});

test('an action after which the host still shows that it is due has failed, and stays noted', async () => {
  const host = new ServerHost();
  host.answer(/^restart/, '');
  expect((await run(host, { text: 'v2' })).told[1]).toBe('on change restart app: failed: VERIFY_FAILED');
  expect(host.notes.size).toBe(1);
});

test('an action that a person leaves out stays due, whatever was changed meanwhile', async () => {
  const host = new ServerHost();
  const select = { skip: ['on change *'] };
  expect((await run(host, { text: 'v2', looks: false, select })).told).toEqual([
    'config /etc/app.conf: changed',
    'on change restart app: skipped',
  ]);
  expect(host.notes.size).toBe(1);
  expect((await run(host, { text: 'v2', looks: false })).told[1]).toBe('on change restart app: changed');
});
