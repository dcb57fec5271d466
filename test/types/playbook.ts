/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-argument -- what does not compile has no type */
// Compiled, never run: each @ts-expect-error is a mistake that must not compile. A mistake that compiles is an error here.
import {
  action,
  condition,
  inventory,
  onChange,
  playbook,
  resource,
  type Host,
  type ReadHost,
  type Step,
} from 'provision';
import { choice, fqdn, integer, port, secret, text } from '../../src/core/fields.ts';

const site = inventory({
  web: {
    hostname: fqdn(),
    workers: integer().default(4),
    level: choice('low', 'high'),
    token: secret(),
    note: text().optional(),
  },
  db: { http_port: port() },
});

declare const service: (props: { name: string }) => Step;
const file = resource({
  kind: 'file',
  want: (props: { path: string }) => props,
  id: (want) => want.path,
  read: async (): Promise<{ path: string } | undefined> => undefined,
  apply: async () => undefined,
});
const healthy = condition({
  kind: 'healthy',
  id: (name: string) => name,
  observe: async () => ({ holds: true, saw: 'it' }),
  timeoutMs: () => 0,
  remedy: () => 'none',
});
const reload = action({ kind: 'reload', id: (name: string) => name, run: async () => undefined });

// What is right compiles, and the types of the vars are exact.
const web = site.play('web', ({ vars, groups, host }) => {
  exactly<string>()(vars.hostname);
  exactly<number>()(vars.workers);
  exactly<'low' | 'high'>()(vars.level);
  exactly<string | undefined>()(vars.note);
  exactly<string>()(host.address);
  exactly<number>()(groups.db.map((peer) => peer.vars.http_port)[0]!);
  return [
    service({ name: vars.hostname }),
    [service({ name: 'nested' })],
    onChange(file({ path: '/a' }), reload('nginx')),
  ];
});
playbook(
  web,
  site.play('db', () => [], { serial: '25%', notes: ({ vars }) => [`port ${vars.http_port}`] }),
  site.play('db', () => [], { tags: ['db'], serial: [1, '25%'], canary: 1, maxFail: '10%' }),
  site.play('web', () => [], { serial: 2, maxFail: 0, gate: ({ vars }) => [healthy(vars.hostname)] }),
);

// @ts-expect-error a share is a number and %
site.play('db', () => [], { serial: '25' });

// @ts-expect-error an empty list is no batch
site.play('db', () => [], { serial: [] });

// @ts-expect-error there is one canary batch
site.play('db', () => [], { canary: [1, 2] });

// @ts-expect-error a limit is a number or a share
site.play('db', () => [], { maxFail: true });

// @ts-expect-error a gate changes nothing
site.play('web', () => [], { gate: () => [file({ path: '/a' })] });

// @ts-expect-error a gate is pure, like its play
site.play('web', () => [], { gate: async () => [healthy('a')] });

// @ts-expect-error a gate sees the vars of its group
site.play('db', () => [], { gate: ({ vars }) => [healthy(vars.hostname)] });

// @ts-expect-error a play is a pure function: it cannot wait for anything
site.play('web', async () => [service({ name: 'nginx' })]);

// @ts-expect-error there is no group of this name
site.play('wbe', () => []);

// @ts-expect-error there is no var of this name
site.play('web', ({ vars }) => [service({ name: vars.hostnam })]);

// @ts-expect-error the var of another group
site.play('db', ({ vars }) => [service({ name: vars.hostname })]);

// @ts-expect-error there is no group of this name to look at
site.play('web', ({ groups }) => groups.cache.map((peer) => service({ name: peer.name })));

// @ts-expect-error peers have the vars of their own group
site.play('web', ({ groups }) => groups.db.map((peer) => service({ name: peer.vars.hostname })));

// @ts-expect-error the var is a number, and text is wanted
site.play('web', ({ vars }) => [service({ name: vars.workers })]);

// @ts-expect-error the var may be left out
site.play('web', ({ vars }) => [service({ name: vars.note })]);

// @ts-expect-error a secret is no text
site.play('web', ({ vars }) => [service({ name: vars.token })]);

// @ts-expect-error no such choice
site.play('web', ({ vars }) => (vars.level === 'medium' ? [] : []));

site.play('web', ({ vars }) => {
  // @ts-expect-error vars are what the inventory says, and stay so
  vars.hostname = 'other.example.com';
  return [];
});

// @ts-expect-error an action by itself would run every time: it belongs into onChange
site.play('web', () => [reload('nginx')]);

// @ts-expect-error what is watched is a step, not its name
onChange('file /a', reload('nginx'));

// @ts-expect-error a play is what site.play() makes
playbook({ name: 'x', group: 'web', build: () => [] });

// @ts-expect-error a playbook has a play
playbook();

const stranger = inventory({ cache: { size: integer() } }).play('cache', () => []);

// @ts-expect-error plays of two inventories cannot be one playbook
playbook(web, stranger);

// @ts-expect-error serial is a number or a share
site.play('web', () => [], { serial: 'half' });

// @ts-expect-error a field, not a value
inventory({ web: { workers: 4 } });

declare const reading: ReadHost;
declare const host: Host;

// @ts-expect-error what only reads cannot write
void reading.writeFile('/a', 'x', { mode: '0600' });

// @ts-expect-error what only reads cannot run
void reading.run;

// A host that may be changed can be read, too.
exactly<ReadHost>()(host as ReadHost);

/** Compiles only for a value of this very type. */
function exactly<Expected>() {
  return <Actual>(
    value: Actual & ([Actual, Expected] extends [Expected, Actual] ? unknown : never),
  ): Actual => value;
}
