import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ProvisionError } from '../../core/errors.ts';
import type { Sink } from '../../report/sink.ts';
import { packageRoot } from '../package-root.ts';
import { answerSecret } from '../prompts.ts';
import type { CheckRequest } from '../program/check.ts';
import { readInput } from '../read-input.ts';

/**
 * Reads and checks all input, and tells what a run would consist of; contacts nothing.
 * @returns the exit code
 */
export async function checkCommand(request: CheckRequest, sink: Sink, mayAsk: boolean): Promise<number> {
  const { plan, warnings } = await readInput(
    { ...request, readOnly: true },
    mayAsk ? { secret: answerSecret } : {},
  );
  for (const warning of warnings) sink.message(`warning: ${warning}`);
  await typeCheck(request.playbook, sink);
  for (const play of plan.plays) {
    for (const { host, steps, leftOut = {} } of play.hosts) {
      const kept = steps.filter(({ id }) => leftOut[id] === undefined);
      const without = kept.length < steps.length ? `, ${steps.length - kept.length} left out` : '';
      sink.result(`${play.name} ${host}: ${kept.length} steps${without}`);
      for (const { id, tags } of kept) sink.result(tags ? `  ${id}  (${tags.join(', ')})` : `  ${id}`);
    }
  }
  return 0;
}

/** Runs the user's own compiler over the playbook, so that the types of the API mean something without an editor. */
async function typeCheck(playbook: string | undefined, sink: Sink): Promise<void> {
  if (playbook === undefined) return;
  const project = findProject(dirname(resolve(playbook)));
  const tsc = project === undefined ? undefined : findTypeScript(project);
  if (project === undefined || tsc === undefined) {
    sink.message(
      'types were not checked: no tsconfig.json with a typescript beside it was found above the playbook',
    );
    return;
  }
  const { code, output } = await run(tsc, ['--noEmit', '-p', project]);
  if (code === 0) return;
  throw new ProvisionError({
    code: 'PLAYBOOK',
    happened: 'the playbook does not compile',
    detail: output,
    hostState: 'nothing was contacted',
    remedy: 'correct what the compiler says',
  });
}

function findProject(folder: string): string | undefined {
  const file = join(folder, 'tsconfig.json');
  if (existsSync(file)) return file;
  return dirname(folder) === folder ? undefined : findProject(dirname(folder));
}

function findTypeScript(project: string): string | undefined {
  for (const base of [project, join(packageRoot, 'package.json')]) {
    try {
      return createRequire(base).resolve('typescript/bin/tsc');
    } catch {
      continue;
    }
  }
  return undefined;
}

function run(script: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.once('error', fail);
    child.once('close', (code) => done({ code: code ?? 1, output: output.slice(0, 16_000) }));
  });
}
