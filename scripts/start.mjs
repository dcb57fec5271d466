// `npm start`: everything that the main job needs, on this machine, and then the main job itself, for real.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './dependencies.mjs';
import { ensureDockerEngine } from './docker-engine.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const log = (text) => console.error(`\n── ${text}`);

// The sources find their neighbours by import.meta.url, which would be the bundle's.
const keepImportMetaUrl = {
  name: 'keep-import-meta-url',
  setup(builder) {
    builder.onLoad({ filter: /\/(test|scripts)\/.*\.(ts|mjs)$/ }, async ({ path }) => {
      const { readFile } = await import('node:fs/promises');
      const { pathToFileURL } = await import('node:url');
      const text = await readFile(path, 'utf8');
      const contents = text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

try {
  ensureDependencies(log);
  await ensureDockerEngine({ allowInstall: process.stdin.isTTY ? 'ask' : true, log });
  run('node', ['scripts/build.mjs']);
  await bundleDemo();
  run('node', ['node_modules/.cache/provision/demo.mjs', ...process.argv.slice(2)]);
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}

/** The demo shares its hosts with the tests, which are TypeScript. */
async function bundleDemo() {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/hosts/demo/demo.ts'],
    outfile: 'node_modules/.cache/provision/demo.mjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    plugins: [keepImportMetaUrl],
  });
}

function run(command, args) {
  const program = command === 'node' ? process.execPath : command;
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TESTCONTAINERS_RYUK_DISABLED: 'true' },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}
