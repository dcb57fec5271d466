// Builds dist/: the command line and the library as one bundle that shares its chunks, so that both have the same classes.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const types = process.argv.includes('--types');

// What packages bring along for old versions of Node, or for what provision never does, is paid for at each start.
const lighter = {
  'make-dir': "module.exports = (path) => require('node:fs/promises').mkdir(path, { recursive: true });",
  'readable-stream': "module.exports = require('node:stream');",
  typedarray: 'module.exports = globalThis;',
  // Its agents for HTTP through SSH load all of node:http.
  'ssh2/lib/http-agents.js': 'module.exports = {};',
};
const lighterPackages = {
  name: 'lighter-packages',
  setup({ onLoad }) {
    for (const [name, contents] of Object.entries(lighter)) {
      const filter = new RegExp(`/node_modules/${name}${name.endsWith('.js') ? '' : '/[^/]*\\.js'}$`);
      onLoad({ filter }, () => ({ contents, loader: 'js' }));
    }
  },
};

rmSync(`${root}dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: {
    provision: 'src/cli/main.ts',
    worker: 'src/cli/worker.ts',
    'type-check': 'src/cli/type-check.ts',
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
  plugins: [lighterPackages],
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
