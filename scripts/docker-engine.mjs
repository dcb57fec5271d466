// Plain Node without dependencies: `npm start` and `npm test` use it before anything is installed.
import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as pause } from 'node:timers/promises';

const defaultSocket = '/var/run/docker.sock';
const startTimeoutMs = 60_000;

/**
 * Makes sure that a Docker engine answers, and installs and starts one where that is allowed.
 *
 * The socket decides, not the program: a `docker` on PATH says nothing about an engine. A running engine
 * is found within milliseconds and left alone.
 *
 * @param {object} [options]
 * @param {boolean | 'ask'} [options.allowInstall] `'ask'` (the default) asks at a terminal and goes ahead without one.
 * @param {(line: string) => void} [options.log] hears what is being done; progress goes to stderr by default.
 * @returns {Promise<{ started: boolean, pid: number | undefined }>} whether an engine was started here, and its
 *   process id where this function started the process itself (not where systemd did).
 * @throws {Error} with what to do, when no engine answers and none may or can be started.
 */
export async function ensureDockerEngine({ allowInstall = 'ask', log = logToStderr } = {}) {
  if (await anyEngineAnswers()) return { started: false, pid: undefined };
  refuseForeignEngine();
  const missing = hasProgram('dockerd') ? 'no Docker engine is running' : 'no Docker engine is installed';
  log(`Test hosts are containers, and ${missing} on this machine.`);
  const remedy =
    'Install Docker Engine (https://docs.docker.com/engine/install/), start it, and run this again; ' +
    'as root on Debian or Ubuntu this is done for you.';
  await requireConsent({ allowInstall, missing, remedy });
  if (!hasProgram('dockerd')) await installPackages(['docker.io', 'iptables'], log);
  const pid = await startEngine(log);
  log(
    pid === undefined
      ? 'Docker engine started.'
      : `Docker engine started (process ${pid}, log ${engineLog()}).`,
  );
  return { started: true, pid };
}

/**
 * Whether an engine answers where DOCKER_HOST or, without it, the usual sockets point.
 * @returns {Promise<boolean>}
 */
export async function anyEngineAnswers() {
  for (const address of engineAddresses()) if (await engineAnswers(address)) return true;
  return false;
}

/**
 * Makes sure that programs are on PATH, and installs the Debian packages of those that are not.
 *
 * @param {Record<string, string[]>} packagesOfProgram for example `{ htpasswd: ['apache2-utils'] }`.
 * @param {object} [options]
 * @param {boolean | 'ask'} [options.allowInstall] as for {@link ensureDockerEngine}.
 * @param {(line: string) => void} [options.log]
 * @param {boolean} [options.startServices] whether daemons among them may begin to run; default true.
 * @returns {Promise<void>}
 * @throws {Error} that names what is missing, when it may not or cannot be installed.
 */
export async function ensurePrograms(
  packagesOfProgram,
  { allowInstall = 'ask', log = logToStderr, startServices = true } = {},
) {
  const programs = Object.keys(packagesOfProgram).filter((program) => !hasProgram(program));
  if (programs.length === 0) return;
  const packages = [...new Set(programs.flatMap((program) => packagesOfProgram[program]))];
  const missing = `these programs are missing: ${programs.join(', ')}`;
  const remedy = `Install ${packages.join(', ')}; as root on Debian or Ubuntu this is done for you.`;
  await requireConsent({ allowInstall, missing, remedy });
  if (startServices) await installPackages(packages, log);
  else await withoutStartingServices(() => installPackages(packages, log));
}

/**
 * Where things are kept that are too large or too slow to make for every run: `$XDG_CACHE_HOME/provision-test`.
 * @returns {string} an absolute path; the directory exists.
 */
export function cacheDirectory() {
  const directory = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'provision-test');
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** Whether this process may install packages: root on a system that has apt-get. */
export function canInstall() {
  return process.getuid?.() === 0 && hasProgram('apt-get');
}

function logToStderr(line) {
  process.stderr.write(`${line}\n`);
}

// The same places, in the same order, where testcontainers looks.
function engineAddresses() {
  const chosen = process.env['DOCKER_HOST'];
  if (chosen) return [chosen];
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return [
    `unix://${defaultSocket}`,
    ...(runtime ? [`unix://${runtime}/docker.sock`] : []),
    `unix://${homedir()}/.docker/run/docker.sock`,
    `unix://${homedir()}/.docker/desktop/docker.sock`,
  ];
}

function engineAnswers(address) {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  return url.protocol === 'unix:' ? socketAnswers(url.pathname) : portAnswers(url);
}

function socketAnswers(socketPath) {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
    ping.end();
  });
}

// An engine behind TCP may ask for a client certificate, so that it listens is all that is asked here.
function portAnswers(url) {
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port: Number(url.port) || 2375, timeout: 5_000 });
    const answer = (answers) => {
      socket.destroy();
      resolve(answers);
    };
    socket.on('connect', () => answer(true));
    socket.on('timeout', () => answer(false));
    socket.on('error', () => answer(false));
  });
}

// Who points DOCKER_HOST elsewhere wants that engine: a second one here would be a surprise.
function refuseForeignEngine() {
  const chosen = process.env['DOCKER_HOST'];
  if (!chosen || ['unix:///var/run/docker.sock', 'unix:///run/docker.sock'].includes(chosen)) return;
  throw new Error(
    `DOCKER_HOST is ${chosen}, and no engine answers there. Start that engine, or unset DOCKER_HOST.`,
  );
}

async function requireConsent({ allowInstall, missing, remedy }) {
  if (allowInstall === false)
    throw new Error(`${capitalise(missing)}, and installing is not allowed. ${remedy}`);
  if (!canInstall()) throw new Error(`${capitalise(missing)}. ${remedy}`);
  if (allowInstall === true || !process.stdin.isTTY || !process.stderr.isTTY) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(
    `${capitalise(missing)}. Install and start what is needed now? [y/N] `,
  );
  terminal.close();
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new Error(`Nothing was installed. ${remedy}`);
}

function capitalise(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function hasProgram(program) {
  const directories = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A daemon that tests start by themselves must not begin to serve the machine. */
async function withoutStartingServices(install) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await install();
  } finally {
    rmSync(policy, { force: true });
  }
}

async function installPackages(packages, log) {
  log(`Installing ${packages.join(', ')} ...`);
  // One third-party source that is out of reach must not stop the packages of the distribution.
  await run('apt-get', ['-q', 'update']).catch((problem) => log(String(problem.message)));
  await run('apt-get', [
    '-q',
    '-y',
    '-o',
    'DPkg::Lock::Timeout=300',
    'install',
    '--no-install-recommends',
    ...packages,
  ]);
}

function run(program, args) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', PATH: searchPath() };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) return resolve(output);
      reject(new Error(`${program} ${args.join(' ')} ended with ${code}:\n${lastLines(output, 15)}`));
    });
  });
}

async function startEngine(log) {
  if (existsSync('/run/systemd/system')) {
    await run('systemctl', ['start', 'docker']);
    await waitForEngine(() => undefined);
    return undefined;
  }
  log('Starting dockerd ...');
  const logFile = openSync(engineLog(), 'a', 0o600);
  // A session of its own, so that Ctrl-C here does not end the engine under other users of it.
  const engine = spawn('dockerd', [], {
    detached: true,
    stdio: ['ignore', logFile, logFile],
    env: { ...process.env, PATH: searchPath() },
  });
  closeSync(logFile);
  let ended;
  engine.on('error', (problem) => (ended = problem.message));
  engine.on('exit', (code, signal) => (ended = `it ended with ${signal ?? code}`));
  engine.unref();
  await waitForEngine(() => ended);
  return ended === undefined ? engine.pid : undefined;
}

async function waitForEngine(howItEnded) {
  const deadline = Date.now() + startTimeoutMs;
  let lastChance = false;
  while (Date.now() < deadline) {
    if (await anyEngineAnswers()) return;
    const ended = howItEnded();
    if (ended !== undefined && lastChance)
      throw new Error(`dockerd did not start: ${ended}.\n${engineLogTail()}`);
    // Ours may have lost a race against one that another process started in the same moment.
    if (ended !== undefined) lastChance = true;
    await pause(lastChance ? 3_000 : 100);
  }
  throw new Error(`The Docker engine did not answer within ${startTimeoutMs / 1000} s.\n${engineLogTail()}`);
}

function engineLog() {
  return join(cacheDirectory(), 'dockerd.log');
}

function engineLogTail() {
  return existsSync(engineLog()) ? lastLines(readFileSync(engineLog(), 'utf8'), 15) : '';
}

function lastLines(text, count) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

// Administration programs (iptables, dockerd) are not on everybody's PATH.
function searchPath() {
  return [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);
}
