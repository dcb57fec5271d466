import { problemsOf, ProvisionError, type Problem } from '../core/errors.ts';
import type { Host, Question, ReadHost } from '../core/host.ts';
import { joinScripts, Script, sh } from '../core/script.ts';
import { waitForDpkgLock } from './dpkg-lock.ts';
import type { PackageManager } from './package-manager.ts';
import { pause } from './wait-until.ts';

/**
 * Packages of Debian and what is like it.
 * @see apt-get(8), dpkg-query(1)
 */
export const apt: PackageManager = {
  families: ['debian', 'ubuntu'],
  states: installedStates,
  async install(host, names) {
    await waitForDpkgLock(host);
    await repairDpkg(host);
    if (await needsUpdate(host, names)) await aptGet(host, ['update']);
    try {
      await install(host, names);
    } catch (error) {
      if (!isOutdated(error)) throw error;
      await aptGet(host, ['update']);
      await install(host, names);
    }
  },
};

async function installedStates(host: ReadHost, names: readonly string[]): Promise<Record<string, string>> {
  const states = await Promise.all(
    names.map(async (name) => [name, await host.ask(dpkgStates, name)] as const),
  );
  return Object.fromEntries(states.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const dpkgStates: Question<string> = async (host, names) => {
  const format = '${Package}\\t${db:Status-Status}\\t${db:Status-Eflag}\\n';
  const { stdout } = await host.probe(sh`dpkg-query -W -f=${format} -- ${names} 2>/dev/null`);
  const states = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [name = '', status = '', flag = ''] = line.split('\t');
    if (status === '' || status === 'not-installed' || status === 'config-files') continue;
    states.set(name, flag === 'ok' || flag === '' ? status : flag);
  }
  return states;
};

/** Ends what an interrupted dpkg left half done; without that, every further call of apt fails. */
async function repairDpkg(host: Host): Promise<void> {
  const { stdout } = await host.probe(
    sh`ls /var/lib/dpkg/updates/ 2>/dev/null; dpkg --audit 2>/dev/null | head -n 20`,
  );
  if (stdout.trim() === '') return;
  const doing = 'dpkg --configure -a';
  host.progress(`dpkg was interrupted: running ${doing}`);
  await host.run(merged(sh`dpkg --force-confdef --force-confold --configure -a`), {
    doing,
    detached: doing,
    timeoutMs: longest,
  });
}

/** Whether the lists are older than a day or than the sources, or do not know one of the packages. */
async function needsUpdate(host: ReadHost, names: readonly string[]): Promise<boolean> {
  const { code } = await host.probe(sh`lists=/var/lib/apt/lists
[ -n "$(find "$lists" "$lists/partial" -maxdepth 0 -mmin -1440 2>/dev/null)" ] || exit 1
[ -z "$(find /etc/apt/sources.list /etc/apt/sources.list.d -newer "$lists" 2>/dev/null)" ] || exit 1
for name in ${names}; do
  apt-cache madison -- "$name" 2>/dev/null | grep -q . || exit 1
done`);
  return code !== 0;
}

function install(host: Host, names: readonly string[]): Promise<void> {
  // A package that would push out another one is a decision for a person, as what it pushes out may be in use.
  return aptGet(host, ['install', '--no-install-recommends', '--no-remove', '--', ...names]);
}

const attempts = 3;
const longest = 30 * 60_000;

async function aptGet(host: Host, words: readonly string[]): Promise<void> {
  const doing = `apt-get ${words.filter((word) => !word.startsWith('-')).join(' ')}`;
  const script = merged(sh`apt-get ${options} ${words}`);
  for (let attempt = 1; ; attempt++) {
    host.progress(attempt === 1 ? doing : `${doing} (attempt ${attempt} of ${attempts})`);
    try {
      // A connection that dies must not end dpkg in the middle.
      await host.run(script, { doing, detached: doing, timeoutMs: longest });
      return;
    } catch (error) {
      const failure = explain(error, doing);
      const passing = failure.kind === 'locked' || failure.kind === 'network';
      if (!passing || attempt >= attempts) throw failure.error;
      if (failure.kind === 'locked') await waitForDpkgLock(host);
      else await pause(attempt * 2000);
    }
  }
}

const options = [
  '-y',
  '-q',
  ...['Dpkg::Options::=--force-confdef', 'Dpkg::Options::=--force-confold', 'Dpkg::Use-Pty=0']
    .concat('DPkg::Lock::Timeout=60', 'APT::Update::Error-Mode=any', 'Acquire::Retries=2')
    .flatMap((option) => ['-o', option]),
];

const environment = Script.fromTrusted(`export LC_ALL=C DEBIAN_FRONTEND=noninteractive
export APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1`);

// What goes wrong is told on both streams, and only the order tells what belongs together.
function merged(command: Script): Script {
  return joinScripts([environment, sh`umask 022`, sh`${command} 2>&1`]);
}

interface Failure {
  readonly kind: 'locked' | 'outdated' | 'network' | 'other';
  readonly error: unknown;
}

const symptoms: readonly (readonly [Failure['kind'], RegExp, string])[] = [
  [
    'locked',
    /Could not get lock|is locked by another process|Unable to (acquire|lock)/,
    'wait for the other process',
  ],
  [
    'outdated',
    /\b404 +Not Found|Unable to locate package|has no installation candidate/,
    'check the name and the sources',
  ],
  [
    'network',
    /Temporary failure resolving|Could not (resolve|connect)|[Cc]onnection (timed out|failed|refused|reset)|Network is unreachable|\b50[0234] |\b429 |Hash Sum mismatch|File has unexpected size|Bad Gateway|Service Unavailable/,
    'check that the host reaches its package sources (network, proxy, DNS)',
  ],
  ['other', /Release file .* is not valid yet|is expired \(invalid since/, 'check the clock of the host'],
  ['other', /NO_PUBKEY|is not signed|public key is not available/, 'check the key of the package source'],
  [
    'other',
    /unmet dependencies|held broken packages/,
    'see apt-mark showhold, and the sources of the packages',
  ],
  ['other', /No space left on device|You don't have enough free space/, 'free some space'],
];

// apt has no exit status that tells these apart: it is 100 for all of them.
function explain(error: unknown, doing: string): Failure {
  const [problem] = problemsOf(error);
  const output = problem.detail ?? '';
  if (!(error instanceof ProvisionError) || !isCommandFailure(problem)) return { kind: 'other', error };
  const [kind, , remedy] = symptoms.find(([, symptom]) => symptom.test(output)) ?? ['other' as const];
  const line = output.split('\n').find((each) => /^(E|W|Err)[:\d]/.test(each.trim())) ?? problem.happened;
  const full = /No space left|enough free space/.test(output);
  const explained: Problem = {
    code: full ? 'DISK_FULL' : 'PACKAGE',
    happened: `${doing} failed: ${line.trim()}`,
    hostState: 'packages that were installed before are still there',
    remedy: remedy ?? `run it by hand on the host to see more: ${doing}`,
    detail: output,
    ...(kind === 'outdated' && { permanent: true }),
  };
  return { kind, error: new ProvisionError(explained, { cause: kind }) };
}

function isCommandFailure({ code }: Problem): boolean {
  return code === 'COMMAND_FAILED' || code === 'DISK_FULL';
}

function isOutdated(error: unknown): boolean {
  return error instanceof ProvisionError && error.cause === 'outdated';
}
