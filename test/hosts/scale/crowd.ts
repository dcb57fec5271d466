import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { RunEvent } from 'provision';
import { makeKey } from '../../../src/ssh/testing/make-key.ts';
import { folderWith, provision, type ProvisionResult } from '../support/provision.ts';
import type { Fate, Member } from './fates.ts';

const playbook = fileURLToPath(new URL('crowd-playbook.ts', import.meta.url));

/** What a run cost the controller. */
export interface Figures {
  readonly peakMegabytes: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  /** From the first connection to the last one that could be made. */
  readonly handshakesPerSecond: number;
  readonly lagMs: { readonly p99: number; readonly max: number };
}

/** Starts simulated hosts, in as many processes as they need to be quick. */
export async function startCrowd(
  asked: readonly Pick<Member, 'name' | 'fate'>[],
): Promise<{ readonly members: readonly Member[]; readonly stop: () => Promise<void> }> {
  const program = fileURLToPath(new URL('simulated-hosts.ts', import.meta.url));
  const share = 250;
  const children = Array.from({ length: Math.ceil(asked.length / share) }, (_, index) => {
    const child = fork(program, { execArgv: ['--import', 'jiti/register'] });
    child.send(asked.slice(index * share, (index + 1) * share));
    return child;
  });
  const answers = await Promise.all(
    children.map(async (child) => ((await once(child, 'message')) as [Member[]])[0]),
  );
  return {
    members: answers.flat(),
    async stop() {
      await Promise.all(
        children.map(async (child) => {
          const ended = once(child, 'exit');
          child.disconnect();
          await ended;
        }),
      );
    },
  };
}

/** An inventory of these members, and runs of a small playbook on them. */
export class Crowd {
  readonly #folder = folderWith({ key: makeKey().private });
  readonly #inventory: string;

  constructor(members: readonly Member[], login: { readonly user?: string; readonly keyFile?: string } = {}) {
    this.#inventory = this.#folder.file('inventory.yaml');
    const hosts = members.map(({ name, fate, address, port, fingerprint }) => {
      const more: Partial<Record<Fate, string>> = {
        'step fails': ', fails: true',
        'no sudo': ', become: true',
      };
      return `    ${name}: { host: ${address}, port: ${port}, fingerprint: '${fingerprint}'${more[fate] ?? ''} }`;
    });
    const { user = 'deploy', keyFile = this.#folder.file('key') } = login;
    const vars = `    user: ${user}\n    key: ${keyFile}\n    folder: ${this.#folder.path}`;
    const text = `all:\n  vars:\n${vars}\n    become: false\ncrowd:\n  hosts:\n${hosts.join('\n')}\n`;
    writeFileSync(this.#inventory, text);
  }

  /** Where the hosts leave what their steps have made. */
  get folder(): string {
    return this.#folder.path;
  }

  async run(...more: readonly string[]): Promise<{ result: ProvisionResult; figures: Figures }> {
    const report = this.#folder.file('figures.json');
    const meter = this.#folder.file('meter.mjs');
    writeFileSync(meter, meterProgram);
    const started = performance.now();
    const seen = { first: 0, last: 0, hosts: new Set<string>() };
    const onEvent = (event: RunEvent) => {
      if (event.event === 'progress') seen.first ||= performance.now();
      if (event.event !== 'step-start' || seen.hosts.has(event.host)) return;
      seen.hosts.add(event.host);
      seen.last = performance.now();
    };
    const env = { NODE_OPTIONS: `--import=${pathToFileURL(meter).href}`, PROVISION_TEST_FIGURES: report };
    const args = [playbook, '-i', this.#inventory, '--reconnect', '10', ...more];
    const result = await provision(args, { env, onEvent });
    const own = JSON.parse(readFileSync(report, 'utf8')) as Pick<
      Figures,
      'peakMegabytes' | 'cpuMs' | 'lagMs'
    >;
    const handshakesPerSecond = Math.round((seen.hosts.size / (seen.last - seen.first)) * 1000);
    return {
      result,
      figures: { ...own, wallMs: Math.round(performance.now() - started), handshakesPerSecond },
    };
  }
}

// Loaded into the command line before anything of its own.
const meterProgram = `
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
const lag = monitorEventLoopDelay({ resolution: 10 });
lag.enable();
const round = (nanoseconds) => Math.round(nanoseconds / 1e6);
process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  writeFileSync(process.env.PROVISION_TEST_FIGURES, JSON.stringify({
    peakMegabytes: Math.round(maxRSS / 1024),
    cpuMs: Math.round((userCPUTime + systemCPUTime) / 1000),
    lagMs: { p99: round(lag.percentile(99)), max: round(lag.max) },
  }));
});
`;
