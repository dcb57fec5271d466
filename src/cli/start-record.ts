import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Json } from '../core/change.ts';
import type { Plan } from '../core/plan.ts';
import { recordRun, type RunRecorder } from '../records/record-run.ts';
import { jsonLine } from '../report/json-line.ts';
import type { Sink } from '../report/sink.ts';
import type { ReachRequest } from './program/options.ts';
import type { Input } from './read-input.ts';
import { recordsFolder } from './records-folder.ts';
import { userName } from './user-name.ts';
import { version } from './version.ts';

// What a host says may be long; a text of this length tells what there is to tell.
const longestText = 32 * 1024;

/** Begins the record of a command that reaches hosts. What goes wrong with it is a warning, and never ends the run. */
export function startRecord(
  request: ReachRequest,
  { plan, files }: Pick<Input, 'plan' | 'files'>,
  sink: Sink,
): RunRecorder {
  if (!request.record) return keepsNothing;
  return recordRun(
    {
      version,
      command: request.command,
      options: shapingOptions(request),
      ...files,
      sha256: hashesOf([files.inventory, files.playbook, ...sourcesOf(plan)]),
      hosts: [...new Set(plan.plays.flatMap((play) => play.hosts.map(({ host }) => host)))],
      user: userName(),
    },
    {
      folder: recordsFolder(),
      toLine: (value) => jsonLine(value, longestText),
      warn: (text) => sink.message(`warning: ${text}`),
    },
  );
}

const keepsNothing: RunRecorder = {
  id: undefined,
  take: () => undefined,
  end: () => undefined,
};

// How a run is started and shown does not shape what it does.
const shapeless = new Set([
  'command',
  'inventory',
  'playbook',
  'input',
  'output',
  'record',
  'verbose',
  'verbosity',
  'yes',
]);
const paths = new Set(['ageIdentity', 'sshConfig', 'plan', 'out']);

function shapingOptions(request: object): Record<string, Json> {
  const all = Object.entries(request) as [string, Json | undefined][];
  return Object.fromEntries(
    all.flatMap(([name, value]) => {
      if (value === undefined || shapeless.has(name)) return [];
      const isPath = paths.has(name) && typeof value === 'string' && value !== 'none';
      return [[name, isPath ? resolve(value) : value]];
    }),
  );
}

function sourcesOf(plan: Plan): string[] {
  const steps = plan.plays.flatMap((play) => play.hosts.flatMap((host) => host.steps));
  return steps.flatMap((step) => step.at.map(({ file }) => file));
}

/** By path; what cannot be read has none. */
export function hashesOf(files: Iterable<string>): Record<string, string> {
  return Object.fromEntries(
    [...new Set(files)].flatMap((file) => {
      try {
        return [[file, createHash('sha256').update(readFileSync(file)).digest('hex')]];
      } catch {
        return [];
      }
    }),
  );
}
