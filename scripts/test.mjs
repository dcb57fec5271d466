// All checks and tests, from a bare machine to one closing line: `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './dependencies.mjs';
import { checkReliability, reportFile } from './reliability.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const log = (text) => console.error(`\n── ${text}`);
// What tests and the programs that they kill leave behind goes with it. Other users of a test must get through to theirs.
const temporary = mkdtempSync(join(tmpdir(), 'tests-'));
chmodSync(temporary, 0o1777);
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
const totals = { passed: 0, failed: 0, skipped: [] };

ensureDependencies(log);
await check('types', 'typescript/bin/tsc', ['-p', '.']);
await check('format', 'prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']);
await check('lint', 'eslint/bin/eslint.js', ['--max-warnings', '0', '.']);
await check('direction of imports', 'dependency-cruiser/bin/dependency-cruise.mjs', [
  'src',
  'playbooks',
  '--config',
  '.dependency-cruiser.cjs',
]);
await check('unused code', 'knip/bin/knip.js', ['--no-progress']);
await check('build', '../scripts/build.mjs', ['--types']);
await programs();
await vitest('unit');
if (await engine()) {
  await vitest('hosts');
  await reliability();
}

for (const name of totals.skipped) console.log(`skipped: ${name}`);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

async function check(name, script, args) {
  const started = Date.now();
  const code = await node(join(root, 'node_modules', script), args);
  count(code === 0);
  log(`${name}: ${code === 0 ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}

async function vitest(project) {
  log(`tests: ${project}`);
  const report = reportFile(project);
  rmSync(report, { force: true });
  const args = [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  const code = await node(join(root, 'node_modules/vitest/vitest.mjs'), args);
  const results = readReport(report);
  totals.passed += results.filter((test) => test.status === 'passed').length;
  const failed = results.filter((test) => test.status === 'failed').length;
  totals.failed += failed;
  totals.skipped.push(
    ...results.filter((test) => !['passed', 'failed'].includes(test.status)).map((test) => test.fullName),
  );
  // A file that does not even load, or an error outside of any test, has no result of its own.
  if (code !== 0 && failed === 0) totals.failed += 1;
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).testResults.flatMap((suite) => suite.assertionResults);
  } catch {
    return [];
  }
}

/** Tests that fail have made the page wrong already, and are counted. */
async function reliability() {
  if (totals.failed > 0) return log('docs/reliability.md: not looked at, as something failed');
  try {
    await checkReliability();
    count(true);
  } catch (error) {
    log(`docs/reliability.md: FAILED: ${error.message}`);
    count(false);
  }
}

/** Without them the tests that compare us with the real thing are skipped, by name. */
async function programs() {
  const packages = {
    sshd: ['openssh-server'],
    ssh: ['openssh-client'],
    openssl: ['openssl'],
    age: ['age'],
    busybox: ['busybox'],
  };
  try {
    const { ensurePrograms } = await import('./docker-engine.mjs');
    await ensurePrograms(packages, { allowInstall: allowInstall(), log, startServices: false });
  } catch (error) {
    log(`some tests will be skipped: ${error.message}`);
  }
}

function allowInstall() {
  return process.stdin.isTTY ? 'ask' : true;
}

async function engine() {
  try {
    const { ensureDockerEngine } = await import('./docker-engine.mjs');
    await ensureDockerEngine({ allowInstall: allowInstall(), log });
    return true;
  } catch (error) {
    log(`the tests on real hosts cannot run: ${error.message}`);
    count(false);
    return false;
  }
}

function count(ok) {
  if (ok) totals.passed += 1;
  else totals.failed += 1;
}

function node(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      env: { ...process.env, TMPDIR: temporary, FORCE_COLOR: '0', NO_COLOR: '1' },
    });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
