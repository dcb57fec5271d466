import fc from 'fast-check';
import { MemoryHost } from '../../src/testing.ts';
import { describe, expect, test } from 'vitest';
import { createPlan, type Plan } from '../../src/core/plan.ts';
import type { RunEvent, StepEvent } from '../../src/core/event.ts';
import { Secret } from '../../src/core/secret.ts';
import { systemClock } from '../../src/engine/clock.ts';
import { LocalExecutor } from '../../src/engine/local-executor.ts';
import { runPlan } from '../../src/engine/run-plan.ts';
import { sanitize } from '../../src/report/sanitize.ts';
import rancher from '../../playbooks/rancher.ts';

/** The main playbook for two hosts, as an inventory with its defaults would give it. */
function mainPlan(): Plan {
  const shared = {
    hostname: 'rancher.example.com',
    certificate: {
      option: 'own-ca',
      chain: 'CHAIN',
      key: new Secret('KEY-OF-THE-TEST', 'key'),
      ca: 'CA',
      fingerprint: 'AB:CD',
    },
    http_port: 80,
    https_port: 443,
  };
  const node = {
    ...shared,
    image: 'rancher/rancher:v2.14.3',
    data_dir: '/opt/rancher',
    reachable_from: 'balancers',
    size: 'small',
    docker: 'distribution',
    ready_timeout: 900,
    audit: 'request',
    audit_log_dir: '/var/log/rancher/auditlog',
    audit_max_age: 10,
    audit_max_backups: 10,
    audit_max_size: 100,
  };
  const host = (name: string, group: string, vars: object) => ({
    name,
    address: '192.0.2.1',
    vars: new Map([[group, vars as Readonly<Record<string, unknown>>]]),
  });
  return createPlan(rancher, {
    groups: new Map([
      ['rancher', [host('rancher-1', 'rancher', node)]],
      ['lb', [host('lb-1', 'lb', { ...shared, nginx_layout: 'snippet' })]],
    ]),
  });
}

/** A check of hosts that answer every question with the same text. */
async function checkHostsThatSay(text: string): Promise<readonly StepEvent[]> {
  const plan = mainPlan();
  const events: RunEvent[] = [];
  const connect = async (name: string) => {
    const host = new MemoryHost({ name }).answer(/^/, { stdout: text, stderr: text, code: 0 });
    for (const path of ['/etc/nginx/nginx.conf', '/etc/docker/daemon.json']) host.file(path, text);
    for (const place of ['80/ping', '443/', '80/v3/settings/cacerts'])
      host.respond(place, { status: 200, body: text, headers: { 'x-provision-config': text } });
    return { host, close: async () => undefined };
  };
  await runPlan(plan, {
    mode: 'check',
    executor: new LocalExecutor(plan, connect, systemClock),
    listener: (event) => events.push(event),
    clock: systemClock,
    signal: new AbortController().signal,
  });
  return events.filter((event) => event.event === 'step');
}

const codesOf = (steps: readonly StepEvent[]) =>
  steps.flatMap(({ problems = [] }) => problems).map(({ code }) => code);

/** The wanted side of every difference that a check has shown. */
function wantedOf(steps: readonly StepEvent[]): string[] {
  return steps.flatMap(({ host, step, changes = [] }) =>
    changes.flatMap((change) =>
      change.type === 'value' || change.type === 'text'
        ? [`${host} ${step} ${change.path} ${JSON.stringify(change.want)}`]
        : [],
    ),
  );
}

const megabyte = 1_000_000;
const endless: readonly [name: string, text: string][] = [
  ['one line of letters', 'a'.repeat(megabyte)],
  ['blanks', ' '.repeat(megabyte)],
  ['tabs', '\t'.repeat(megabyte)],
  ['empty lines', '\n'.repeat(megabyte)],
  ['carriage returns', '\r\n'.repeat(megabyte / 2)],
  ['digits', '7'.repeat(megabyte)],
  ['quotes', '"'.repeat(megabyte)],
  ['backslashes', '\\'.repeat(megabyte)],
  ['open brackets', '['.repeat(megabyte)],
  ['open braces', '{"a":'.repeat(megabyte / 5)],
  ['keys without an end', 'ID="'.repeat(megabyte / 4)],
  ['equals signs', '='.repeat(megabyte)],
  ['lines of a listener', 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("a",pid=1'.repeat(megabyte / 50)],
  ['layers of an image', '0123456789ab: Pulling\n'.repeat(megabyte / 22)],
  ['the beginning of a private key', '-----BEGIN PRIVATE KEY-----'.repeat(megabyte / 27)],
  ['escape characters', '\u001b['.repeat(megabyte / 2)],
  ['versions', 'nginx/1.1.1.1.1.1.'.repeat(megabyte / 18)],
  ['errors of apt', 'E: Unable to acquire '.repeat(megabyte / 21)],
];

describe('a host that says anything', () => {
  test.each(endless)(
    'S49: %s, a megabyte of it for every question, ends in plain results',
    async (_, text) => {
      const steps = await checkHostsThatSay(text);
      expect(steps.length).toBeGreaterThan(15);
      expect(codesOf(steps)).not.toContain('BUG');
    },
    60_000,
  );

  test('S17: whatever text it answers, no step ends in a defect of ours', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '0\n',
        'ID=debian\n',
        '{}',
        'null',
        'installed',
        'yes\n',
        '\n\n',
        'nginx/1.22.1',
        'docker.io',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        expect(codesOf(await checkHostsThatSay(pieces.join('')))).not.toContain('BUG');
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test.each([
    ['mustache', '{{hostname}} {{{hostname}}} {{#a}}x{{/a}}'],
    ['a template of JavaScript', '${process.exit(7)} ${7*7}'],
    ['other templates', '<%= 7*7 %> {% raw %} #{7*7}'],
    ['shell', '`touch /tmp/pwned` $(touch /tmp/pwned); touch /tmp/pwned'],
    ['the words of format strings', '%s %d %j %o %c'],
    ['a colour, a title and a turned line', '\u001b[31mred\u001b]0;title\u0007\u202eevil'],
  ])(
    'S17: %s in everything that it answers is shown as it came, and changes no other value',
    async (_, text) => {
      const [quiet, loud] = [await checkHostsThatSay(''), await checkHostsThatSay(text)];
      // What is wanted is ours alone: nothing that a host says may get into it, evaluated or not.
      expect(wantedOf(quiet)).toEqual(expect.arrayContaining(wantedOf(loud)));
      expect(loud.map(({ step }) => step)).toEqual(quiet.map(({ step }) => step));
      for (const { figure = '', problems = [] } of loud) {
        for (const shown of [figure, ...problems.map(({ happened }) => happened)])
          expect(sanitize(shown)).not.toMatch(/[\u001b\u202e]/);
      }
    },
  );
});
