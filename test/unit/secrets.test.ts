import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, describe, expect, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 60_000 });

const program = fileURLToPath(new URL('../../dist/provision.js', import.meta.url));
const canary = 'canary-of-the-command-line';
const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
const state = join(folder, 'state');
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string, mode = 0o600): string {
  writeFileSync(join(folder, name), text, { mode });
  return join(folder, name);
}

interface Ended {
  readonly exit: number | null;
  readonly output: string;
}

function provision(
  args: readonly string[],
  options: { node?: string[]; umask?: number } = {},
): Promise<Ended> {
  const before = process.umask(options.umask ?? 0o022);
  const child = spawn(process.execPath, [...(options.node ?? []), program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
    env: { ...process.env, CANARY: canary, XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: state },
  });
  process.umask(before);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  return new Promise((resolve) => child.once('close', (exit) => resolve({ exit, output })));
}

const playbook = (body: string) => `
import { inventory, playbook, secret } from 'provision';
const site = inventory({ web: { token: secret() } });
export default playbook(site.play('web', ({ vars }) => { ${body}; return []; }));
`;
const site = (source: string) => `web: { hosts: { a: { host: 127.0.0.1, port: 1, token: ${source} } } }\n`;

describe('a playbook that does with a secret what it should not', () => {
  test.each([
    ['S14: throws it', 'throw new Error(`no ${vars.token.reveal()}`)', 250],
    ['S14: throws it as a cause', 'throw new Error("x", { cause: vars.token.reveal() })', 250],
    [
      'S14: throws it where nobody catches it',
      'setImmediate(() => { throw new Error(vars.token.reveal()) })',
      250,
    ],
    ['S14: rejects with it', 'void Promise.reject(new Error(vars.token.reveal()))', 250],
    ['S08: prints it', 'console.log(vars.token.reveal(), { a: [vars.token.reveal()] })', undefined],
    [
      'S08: prints it as an error',
      'console.error(new Error(vars.token.reveal())); console.table([vars.token.reveal()])',
      undefined,
    ],
  ])('%s: the value is masked', async (name, body, exit) => {
    const file = write(`${name.replace(/\W/g, '-')}.ts`, playbook(body));
    const ended = await provision([file, '-i', write('site.yaml', site('{ env: CANARY }')), '-C', '-vvv']);
    if (exit !== undefined) expect(ended.exit).toBe(exit);
    expect(ended.output).toMatch(name.includes('cause') ? /BUG/ : /\*\*\*/);
    expect(ended.output).not.toContain(canary);
  });
});

test('S06: a variable that holds a secret is in the environment of nothing that a playbook runs', async () => {
  const body = `process.getBuiltinModule('node:child_process').execSync('env > ${folder}/environment')`;
  const file = write('env.ts', playbook(body));
  await provision([file, '-i', write('site.yaml', site('{ env: CANARY }')), '-C']);
  const seen = execFileSync('cat', [join(folder, 'environment')], { encoding: 'utf8' });
  expect(seen).toContain('XDG_CACHE_HOME=');
  expect(seen).not.toContain(canary);
});

describe('a debugger', () => {
  test('S14: is refused when there are secrets, before anything is contacted', async () => {
    const file = write('plain.ts', playbook(''));
    const args = [file, '-i', write('site.yaml', site('{ env: CANARY }')), '-C'];
    const ended = await provision(args, { node: ['--inspect=127.0.0.1:0'] });
    expect(ended.exit).toBe(8);
    expect(ended.output).toContain('a debugger can be attached');
  });

  test('S14: is not opened by a signal', async () => {
    const file = write('signal.ts', playbook('process.kill(process.pid, "SIGUSR1")'));
    const ended = await provision([file, '-i', write('site.yaml', site('{ env: CANARY }')), '-C']);
    expect(ended.output).not.toContain('Debugger listening');
    expect(ended.exit).toBe(4);
  });
});

describe('S10: a wrong value of a secret is never shown', () => {
  test.each([
    ['text', `"${canary}"`],
    ['text with a line break', `"${canary}\\n${canary}"`],
    ['a list', `[${canary}]`],
    ['a key', `{ ${canary}: x }`],
    ['a key beside', `{ env: NOT_SET, ${canary}: x }`],
    ['the name of a variable', `{ env: "${canary} ${canary}" }`],
    ['a command in one piece', `{ command: "echo ${canary}" }`],
    ['a prompt with an answer', `{ prompt: [${canary}] }`],
    ['a name in an encrypted file', `{ age: [${canary}] }`],
    ['an alias', `*${canary}`],
  ])('%s', async (_, source) => {
    const ended = await provision([
      write('p.ts', playbook('')),
      '-i',
      write('wrong.yaml', site(source)),
      '-C',
    ]);
    expect(ended.exit).toBe(3);
    expect(ended.output).toMatch(/wrong\.yaml:1:\d+/);
    expect(ended.output).not.toContain(canary);
  });
});

test('S48: whatever the umask, what a run leaves behind is closed to others', async () => {
  rmSync(join(folder, 'cache'), { recursive: true, force: true });
  mkdirSync(join(folder, 'cache'), { mode: 0o700 });
  const file = write('umask.ts', playbook(''));
  await provision([file, '-i', write('site.yaml', site('{ env: CANARY }')), '-C', '-vvv'], { umask: 0 });
  const left = readdirSync(join(folder, 'cache'), { recursive: true, encoding: 'utf8' });
  expect(left.length).toBeGreaterThan(0);
  const open = left.filter((name) => (statSync(join(folder, 'cache', name)).mode & 0o077) !== 0);
  expect(open).toEqual([]);
});

test('the record of a run holds no secret, whatever a playbook makes of it, and is for its user only', async () => {
  rmSync(state, { recursive: true, force: true });
  // Without the mask it would be in the id of a step, in its changes, and in where it was made.
  const shown = `const t = vars.token.reveal(); return [resource({ kind: 'canary', want: () => ({ t }), id: () => t,
    read: async () => undefined, apply: async () => { throw new Error(t) } })({})]`;
  const file = write('record.ts', playbook(shown).replace('inventory,', 'inventory, resource,'));
  const given = write('record.yaml', site('{ env: CANARY }'));
  const ended = await provision([file, '-i', given, '--skip-requirement', canary, '-F', 'none'], {
    umask: 0,
  });
  expect(ended.exit).toBe(4);
  const runs = readdirSync(join(state, 'provision/runs'));
  expect(runs).toHaveLength(1);
  const record = (name: string) => join(state, 'provision/runs', runs[0]!, name);
  for (const name of ['run.json', 'events.jsonl']) {
    const text = readFileSync(record(name), 'utf8');
    expect(text).toContain('***');
    expect(text).not.toContain(canary);
    expect(statSync(record(name)).mode & 0o777).toBe(0o600);
  }
  for (const path of ['provision', 'provision/runs', `provision/runs/${runs[0]}`])
    expect(statSync(join(state, path)).mode & 0o777).toBe(0o700);
  const shownAgain = await provision(['runs', 'show', 'last']);
  expect(shownAgain.exit).toBe(0);
  expect(shownAgain.output).toContain('CONN_REFUSED a');
});

test('S09: the built command line reads a secret by its name from an encrypted file', async () => {
  const identity = await generateX25519Identity();
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  writeFileSync(join(folder, 'secrets.age'), await encrypter.encrypt(`api: ${canary}\n`));
  const key = write('identity.txt', identity);
  const file = write(
    'age.ts',
    playbook(`if (vars.token.reveal() !== '${canary}') throw new Error('another')`),
  );
  const given = write('age.yaml', site('{ age: secrets.age, name: api }'));
  expect((await provision([file, '-i', given, '-C', '--age-identity', key])).exit).toBe(4);
  expect((await provision([file, '-i', given, '-C', '--no-input'])).exit).toBe(8);
});

// util-linux is on every Debian; elsewhere there may be no program that gives a terminal.
describe.skipIf(!existsSync('/usr/bin/script'))('at a terminal (skipped without script(1))', () => {
  test('S09: a secret is asked for once, with nothing echoed', async () => {
    const file = write(
      'asked.ts',
      playbook('if (vars.token.reveal() !== "' + canary + '") throw new Error("another")'),
    );
    const inventory = write(
      'asked.yaml',
      `web: { hosts: { a: { host: 127.0.0.1, port: 1 }, b: { host: 127.0.0.1, port: 2 } }, vars: { token: { prompt: 'Token of the API' } } }\n`,
    );
    const command = `${process.execPath} ${program} ${file} -i ${inventory} -C`;
    const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, CI: '', TERM: 'xterm', XDG_CACHE_HOME: join(folder, 'cache') },
    });
    let output = '';
    let answered = false;
    child.stdout.on('data', (chunk: Buffer) => {
      output += String(chunk);
      if (answered || !output.includes('Token of the API')) return;
      answered = true;
      child.stdin.write(`${canary}\r`);
    });
    const exit = await new Promise((resolve) => child.once('close', resolve));
    expect(answered).toBe(true);
    expect(output).not.toContain(canary);
    expect(output).not.toContain('another');
    // Both hosts were tried: nobody was asked a second time.
    expect(exit).toBe(4);
  }, 60_000);

  test('S09: the passphrase of a key is asked for once for all its hosts, and again when it is wrong', async () => {
    const child = spawn('/usr/bin/script', ['-qec', command(lockedKey()), '/dev/null'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, CI: '', TERM: 'xterm', SSH_AUTH_SOCK: '' },
    });
    const answers = [
      { when: /(?<!open it\. )Passphrase of /, answer: 'cnry-wrong-passphrase' },
      { when: /That does not open it\. Passphrase of /, answer: canary },
    ];
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += String(chunk);
      if (answers[0]?.when.test(output)) child.stdin.write(`${answers.shift()!.answer}\r`);
    });
    const exit = await new Promise((resolve) => child.once('close', resolve));
    // A third question would have waited for ever. Both hosts were tried: nothing listens there.
    expect({ exit, left: answers.length, output }).toMatchObject({ exit: 4, left: 0 });
    expect(stripVTControlCharacters(output)).toMatch(/CONN_REFUSED a\b[^]*CONN_REFUSED b\b/);
    expect(output).not.toContain('cnry-wrong-passphrase');
    expect(output).not.toContain(canary);
  });
});

test('without a terminal, a key that needs a passphrase is told with 8, before anything is contacted', async () => {
  const [, ...args] = command(lockedKey()).split(' ');
  const { exit, output } = await provision(args.slice(1));
  expect(exit).toBe(8);
  expect(output).toMatch(/KEY_FILE[^]*passphrase/);
  expect(output).not.toContain('CONN_REFUSED');
});

function lockedKey(): string {
  const key = join(folder, 'locked-key');
  if (!existsSync(key))
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-a', '1', '-N', canary, '-f', key]);
  return key;
}

/** A run on two hosts on which nothing listens, with this key. */
function command(key: string): string {
  const file = write(
    'plain.ts',
    `import { inventory, playbook } from 'provision';\nexport default playbook(inventory({ web: {} }).play('web', () => []));\n`,
  );
  const hosts = 'hosts: { a: { host: 127.0.0.1, port: 1 }, b: { host: 127.0.0.1, port: 2 } }';
  const given = write('locked.yaml', `web: { ${hosts}, vars: { key: ${key} } }\n`);
  return `${process.execPath} ${program} ${file} -i ${given} -C -F none`;
}
