import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Problem } from '../core/errors.ts';
import { packageRoot } from './package-root.ts';

/** The user's compiler at work, in a process of its own. */
export interface TypeCheck {
  /** Waits for what it says: `PLAYBOOK` with all that does not compile. */
  problems(): Promise<readonly Problem[]>;
}

const program = join(packageRoot, 'dist', 'type-check.js');
const keptOutput = 16_000;

/**
 * Runs the compiler of the user's project over a playbook and all that it imports, so that the types of the API mean something
 * without an editor; undefined where there is no tsconfig.json above the playbook or no compiler.
 */
export function startTypeCheck(playbook: string): TypeCheck | undefined {
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
  const ended = new Promise<number>((done) => {
    child.once('error', (error) => {
      output += String(error);
      done(1);
    });
    child.once('close', (code) => done(code ?? 1));
  });
  return {
    problems: async () => ((await ended) === 0 ? [] : [notCompiled(output.slice(0, keptOutput))]),
  };
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
