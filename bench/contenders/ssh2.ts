import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../contender.ts';
import { shellSteps } from '../shell-steps.ts';

/** The package that provision is built on, without anything around it: what could be reached at best. */
export const bareSsh2: readonly Contender[] = [
  way(
    'ssh2 (one script)',
    'the package ssh2: one command a host with all steps in one script; no checks, no report',
    true,
  ),
  way(
    'ssh2 (step by step)',
    'the package ssh2: one open shell a host, a step is sent when the one before has answered',
    false,
  ),
];

function way(name: string, about: string, batched: boolean): Contender {
  return {
    name,
    about,
    missing: () => undefined,
    command(job, hosts) {
      if (job.kind !== 'steps' || (!batched && job.name === 'one')) return undefined;
      const { functions, each } = shellSteps(job.steps);
      const scripts = batched ? [[functions, ...each].join('\n')] : [functions, ...each];
      const file = join(hosts.folder, `${job.name}-${batched ? 'batch' : 'steps'}.json`);
      writeFileSync(file, JSON.stringify({ keyFile: hosts.keyFile, targets: hosts.targets, scripts }));
      return { program: process.execPath, args: [bundled(dirname(hosts.folder)), file] };
    },
  };
}

let program: string | undefined;

/** One file, as provision is: the time that imports take is the same for both. */
function bundled(folder: string): string {
  if (program !== undefined) return program;
  mkdirSync(folder, { recursive: true });
  program = join(folder, 'ssh2-steps.cjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('ssh2-steps.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    minify: true,
    external: ['cpu-features', '*.node'],
    logLevel: 'error',
  });
  return program;
}
