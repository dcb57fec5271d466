// Builds dist/: the command line and the library as one bundle that shares its chunks, so that both have the same classes.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const types = process.argv.includes('--types');

rmSync(`${root}dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: {
    provision: 'src/cli/main.ts',
    worker: 'src/cli/worker.ts',
    index: 'src/index.ts',
    testing: 'src/testing.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
  minifySyntax: true,
  define: { PROVISION_VERSION: JSON.stringify(version) },
  // jiti loads its compiler by path; the others are native add-ons that ssh2 does without.
  external: ['jiti', 'cpu-features', '*.node'],
  // ssh2 and its friends are CommonJS and expect these three.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module';",
      "import { dirname as __dirnameOf } from 'node:path';",
      "import { fileURLToPath as __pathOf } from 'node:url';",
      'const require = __createRequire(import.meta.url);',
      'const __filename = __pathOf(import.meta.url);',
      'const __dirname = __dirnameOf(__filename);',
    ].join('\n'),
  },
  logLevel: 'warning',
});
if (types) {
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
}
