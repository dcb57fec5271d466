import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Problem } from '../core/errors.ts';
import { packageRoot } from './package-root.ts';

const program = join(packageRoot, 'dist', 'type-check.js');
const keptOutput = 16_000;

/**
 * Runs the compiler of the user's project over a playbook and all that it imports, so that the types of the API mean something
 * without an editor; undefined where there is no tsconfig.json above the playbook or no compiler.
 * @returns `PLAYBOOK` with all that does not compile; never rejects
 */
export function startTypeCheck(playbook: string): Promise<readonly Problem[]> | undefined {
  const file = resolve(playbook);
  const project = findProject(dirname(file));
  const typescript = project === undefined ? undefined : findTypeScript(project);
  if (project === undefined || typescript === undefined) return undefined;
  const child = spawn(process.execPath, [program, typescript, project, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      if (output.length < keptOutput) output += chunk;
    });
  return new Promise((done) => {
    child.once('error', (error) => done([notCompiled(String(error))]));
    child.once('close', (code) => done(code === 0 ? [] : [notCompiled(output.slice(0, keptOutput))]));
  });
}

function notCompiled(detail: string): Problem {
  return {
    code: 'PLAYBOOK',
    happened: 'the playbook does not compile',
    detail,
    hostState: 'nothing was contacted',
    remedy: 'correct what the compiler says',
  };
}

function findProject(folder: string): string | undefined {
  const file = join(folder, 'tsconfig.json');
  if (existsSync(file)) return file;
  return dirname(folder) === folder ? undefined : findProject(dirname(folder));
}

function findTypeScript(project: string): string | undefined {
  for (const base of [project, join(packageRoot, 'package.json')]) {
    try {
      return dirname(createRequire(base).resolve('typescript/package.json'));
    } catch {
      continue;
    }
  }
  return undefined;
}
