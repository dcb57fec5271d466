import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Job } from './contender.ts';
import type { Lab, Target } from './lab.ts';
import { contentOf, oneCommand, place, tally, twentyCommands, typicalSteps } from './steps.ts';

/** Something to be measured, on so many hosts. */
export interface Workload {
  /** What `--only` takes. */
  readonly id: string;
  readonly title: string;
  /** On how many hosts it is measured, of those that were asked for. */
  readonly hosts: 'all' | 'one';
  /** How far away the hosts are, in milliseconds there and back. */
  readonly delayMs: number;
  readonly job: (lab: Lab) => Job;
  /** What hosts are like before each run. */
  readonly before: 'empty' | 'converged';
  /**
   * Looks from outside at what a run has left.
   * @throws Error when it is not what was asked for
   */
  readonly verify: (lab: Lab, count: number, source: string | undefined) => void;
}

const upload = '/srv/upload';
const far = 50;

const smallFiles: Workload = {
  id: 'W5-200f',
  title: 'upload of 200 files of 4 kB',
  hosts: 'one',
  delayMs: 0,
  before: 'empty',
  job: (lab) => ({ kind: 'folder', source: made(lab, 'small-files', makeSmallFiles) }),
  verify(lab, count, source) {
    for (const found of lab.look(count, upload))
      for (let index = 0; index < 200; index++) {
        const name = smallFileName(index);
        if (!found.get(`${upload}/${name}`)?.content?.equals(readFileSync(join(source!, name))))
          throw new Error(`${name} is not what was sent`);
      }
  },
};

const near: readonly Workload[] = [
  {
    ...steps('one', oneCommand),
    id: 'W1',
    title: 'connect, and one command',
    before: 'empty',
    verify: ranAtLeast(1),
  },
  {
    ...steps('twenty', twentyCommands),
    id: 'W2',
    title: '20 commands',
    before: 'empty',
    verify: ranAtLeast(20),
  },
  {
    ...steps('typical', typicalSteps),
    id: 'W3',
    title: '25 typical steps, nothing changes',
    before: 'converged',
    verify: converged,
  },
  {
    ...steps('typical', typicalSteps),
    id: 'W4',
    title: '25 typical steps, the first run',
    before: 'empty',
    verify: converged,
  },
  file('W5-10m', 'upload of 10 MB', 10_000_000),
  file('W5-100m', 'upload of 100 MB', 100_000_000),
  smallFiles,
];

const withDelay = new Set(['W2', 'W3', 'W5-10m', 'W5-200f']);

export const workloads: readonly Workload[] = [
  {
    id: 'start',
    title: 'the program says its version',
    hosts: 'one',
    delayMs: 0,
    before: 'empty',
    job: () => ({ kind: 'start' }),
    verify: () => undefined,
  },
  {
    id: 'check',
    title: 'an inventory of 1,000 hosts and the playbook are checked, and nothing is contacted',
    hosts: 'one',
    delayMs: 0,
    before: 'empty',
    job: () => ({ kind: 'check', targets: inventedTargets(1000) }),
    verify: () => undefined,
  },
  ...near,
  ...near
    .filter(({ id }) => withDelay.has(id))
    .map((each) => ({ ...each, id: `${each.id}-far`, title: `${each.title}; ${far} ms away`, delayMs: far })),
];

function steps(name: 'one' | 'twenty' | 'typical', list: typeof typicalSteps) {
  return { hosts: 'all', delayMs: 0, job: (): Job => ({ kind: 'steps', name, steps: list }) } as const;
}

function file(id: string, title: string, bytes: number): Workload {
  return {
    id,
    title,
    hosts: 'one',
    delayMs: 0,
    before: 'empty',
    job: (lab) => ({
      kind: 'file',
      source: made(lab, `${bytes}.bin`, (path) => writeFileSync(path, randomBytes(bytes))),
    }),
    verify(lab, count, source) {
      const wanted = readFileSync(source!);
      for (const found of lab.read(count, upload))
        if (!found?.equals(wanted)) throw new Error(`${upload} is not what was sent`);
    },
  };
}

function inventedTargets(count: number): Target[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ name: `host-${index}`, port: 1000 + index, hostKey: '' },
    fingerprint: `SHA256:${createHash('sha256').update(String(index)).digest('base64').replace('=', '')}`,
  }));
}

function makeSmallFiles(path: string): void {
  for (let index = 0; index < 200; index++) {
    const file = join(path, smallFileName(index));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, randomBytes(3000).toString('base64'), { mode: 0o644 });
  }
}

function smallFileName(index: number): string {
  return `folder-${index % 10}/file-${index}.txt`;
}

/** Made once. */
function made(lab: Lab, name: string, make: (path: string) => void): string {
  if (!readdirSync(lab.folder).includes(name)) make(join(lab.folder, name));
  return join(lab.folder, name);
}

function ranAtLeast(count: number): Workload['verify'] {
  return (lab, hosts) => {
    for (const bytes of lab.read(hosts, tally))
      if ((bytes?.length ?? 0) < count)
        throw new Error(`${bytes?.length ?? 0} commands have run, not ${count}`);
  };
}

function converged(lab: Lab, count: number): void {
  for (const found of lab.look(count, place)) {
    for (const step of typicalSteps) {
      const path = step.kind === 'command' ? step.creates! : step.path;
      const entry = found.get(path);
      const mode = step.kind === 'command' ? '0644' : step.mode;
      if (entry?.mode !== mode) throw new Error(`${path} has mode ${entry?.mode ?? 'none'}, not ${mode}`);
      if ((step.kind === 'file' || step.kind === 'template') && entry.content?.toString() !== contentOf(step))
        throw new Error(`${path} does not hold what it should`);
    }
    if (found.size !== typicalSteps.length)
      throw new Error(`${found.size} entries below ${place}, not ${typicalSteps.length}`);
  }
}
