import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { armor, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { maskText } from '../report/mask.ts';
import { AgeFiles } from './age-files.ts';

// Written by age 1.1.1 of Debian; the identity opens nothing else.
const identity = 'AGE-SECRET-KEY-1J5ZCW6Y8TQ8U8DRD8TFVQNT7P6MVNLDC6SCW2UEGAUHVCHFZJLFSCXH58H';
const byDebian = `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBrN1h0RmZDQTd6SE84Q0ll
aUErMFZPRGFPNHJQcHNDWGtjczc0YmhyUFd3Ck5Fc2N3ODVRVHI3Zk14NytKeXRs
QmZsd2FCU3dDajMwOCtVSjRjSFFwZGMKLS0tIDh3eVdwR05UK2tVUjZhVWZUUGtl
bHdnbFUyUHNvVEtQSHIza3VnSEl6K1EK5bEhe/uk1KXTY10iyoWFJXiZd7brUiQN
7t1OP4kecfskn6G3FdGLNMuS4dyGKWNcHzpl67uQaKUP+Ko2l6NEbSg6JrQ5GFgC
0CVZlYeV8R5VZHhvOhfm0r8Ro8Mmd9p+/bxEubZvoWC3o1Qx3A==
-----END AGE ENCRYPTED FILE-----
`;
const plain = 'registry: pa$$-registry-canary\nbootstrap: "0123456789"\nnested:\n  a: b\nempty:\n';

const folder = mkdtempSync(join(tmpdir(), 'age-'));
afterAll(() => rmSync(folder, { recursive: true }));
const identityFile = join(folder, 'identity.txt');
const secrets = join(folder, 'secrets.age');

beforeAll(() => {
  writeFileSync(identityFile, `# created: some day\n${identity}\n`, { mode: 0o600 });
  writeFileSync(secrets, byDebian);
});

async function encrypted(text: string | Uint8Array, passphrase?: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  if (passphrase === undefined) encrypter.addRecipient(await identityToRecipient(identity));
  else {
    encrypter.setPassphrase(passphrase);
    encrypter.setScryptWorkFactor(4);
  }
  return encrypter.encrypt(typeof text === 'string' ? new TextEncoder().encode(text) : text);
}

function write(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content, { mode });
  return path;
}

async function refusal(read: Promise<string>): Promise<{ code: string; message: string }> {
  const error: unknown = await read.then(
    () => new Error('was read'),
    (reason: unknown) => reason,
  );
  const { message } = error as Error;
  return { code: error instanceof ProvisionError ? error.code : 'plain', message };
}

describe('a file that age has encrypted', () => {
  it('gives its secrets by their names, each as it is written', async () => {
    const files = new AgeFiles({ identity: identityFile });
    expect(await files.read(secrets, 'registry')).toBe('pa$$-registry-canary');
    expect(await files.read(secrets, 'bootstrap')).toBe('0123456789');
    const numbers = write('numbers.age', await encrypted('pin: 0123\nyes: no\nlong: |\n  a\n  b\n'));
    expect(await files.read(numbers, 'pin')).toBe('0123');
    expect(await files.read(numbers, 'yes')).toBe('no');
    expect(await files.read(numbers, 'long')).toBe('a\nb\n');
  });

  it('is one secret when no name is given, without the line break at its end', async () => {
    const files = new AgeFiles({ identity: identityFile });
    expect(await files.read(write('one.age', await encrypted('the only one\n')))).toBe('the only one');
    expect(await files.read(secrets)).toBe(plain.trimEnd());
  });

  it('may be binary or armoured', async () => {
    const binary = await encrypted('either way');
    const files = new AgeFiles({ identity: identityFile });
    expect(await files.read(write('binary.age', binary))).toBe('either way');
    expect(await files.read(write('armoured.age', armor.encode(binary)))).toBe('either way');
  });

  it('is opened by any of several identities', async () => {
    const several = write('several.txt', `${await generateX25519Identity()}\n\n${identity}\n`);
    expect(await new AgeFiles({ identity: several }).read(secrets, 'bootstrap')).toBe('0123456789');
  });

  it('asks for a passphrase once, whatever the number of secrets in it', async () => {
    const file = write('passphrase.age', await encrypted('a: secret one\nb: secret two\n', 'open sesame'));
    const asked: string[] = [];
    const files = new AgeFiles({ ask: async (text) => (asked.push(text), 'open sesame') });
    expect(await Promise.all([files.read(file, 'a'), files.read(file, 'b')])).toEqual([
      'secret one',
      'secret two',
    ]);
    expect(asked).toEqual([`Passphrase of ${file}:`]);
    expect(maskText('open sesame')).toBe('***');
  });

  it('may be opened by an identity that itself needs a passphrase', async () => {
    const locked = write('locked.txt', await encrypted(`${identity}\n`, 'open sesame'));
    const files = new AgeFiles({ identity: locked, ask: async () => 'open sesame' });
    expect(await files.read(secrets, 'bootstrap')).toBe('0123456789');
  });

  it('leaves nothing on disk: S16, decrypted in memory only', async () => {
    const digest = () =>
      readdirSync(folder)
        .map(
          (name) =>
            name +
            createHash('sha256')
              .update(readFileSync(join(folder, name)))
              .digest('hex'),
        )
        .join();
    const before = digest();
    await new AgeFiles({ identity: identityFile }).read(secrets, 'registry');
    expect(digest()).toBe(before);
  });
});

describe('S16: what cannot be opened', () => {
  it('says that the key is another one', async () => {
    const other = write('other.txt', await generateX25519Identity());
    expect(await refusal(new AgeFiles({ identity: other }).read(secrets))).toMatchObject({
      code: 'SECRET_SOURCE',
      message: expect.stringContaining('not one that it was encrypted for') as string,
    });
    const locked = write('p.age', await encrypted('text', 'right'));
    expect(await refusal(new AgeFiles({ ask: async () => 'wrong one' }).read(locked))).toMatchObject({
      code: 'SECRET_SOURCE',
    });
  });

  it('is refused as a whole wherever it was changed or cut off', async () => {
    const whole = await encrypted(`token: ${'canary-of-age '.repeat(20)}`);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length - 1 }),
        fc.constantFrom('flip', 'cut'),
        async (at, how) => {
          const bytes = how === 'cut' ? whole.slice(0, at) : whole.slice();
          if (how === 'flip') bytes[at]! ^= 1;
          const { code, message } = await refusal(
            new AgeFiles({ identity: identityFile }).read(write('changed.age', bytes), 'token'),
          );
          // Without its first line it is no file of age at all.
          expect(at < 22 ? ['SECRET_SOURCE', 'plain'] : ['SECRET_SOURCE']).toContain(code);
          expect(message).not.toContain('canary-of-age');
        },
      ),
      { numRuns: 150 },
    );
  });

  it('asks for an identity, and for a closed identity file', async () => {
    expect((await refusal(new AgeFiles({}).read(secrets))).message).toContain('no identity was given');
    const open = write('open.txt', identity);
    chmodSync(open, 0o644);
    expect(await refusal(new AgeFiles({ identity: open }).read(secrets))).toMatchObject({
      code: 'SECRET_SOURCE',
      message: expect.stringContaining(`chmod 600 ${open}`) as string,
    });
    const wrong = write('ssh.txt', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n');
    expect((await refusal(new AgeFiles({ identity: wrong }).read(secrets))).message).toContain(
      'no identity of age',
    );
    const none = write('none.txt', '# nothing\n');
    expect((await refusal(new AgeFiles({ identity: none }).read(secrets))).message).toContain(
      'holds no identity',
    );
  });

  it('is a question that cannot be asked without a terminal', async () => {
    const locked = write('q.age', await encrypted('text', 'right'));
    expect((await refusal(new AgeFiles({}).read(locked))).code).toBe('NEED_INPUT');
  });

  it('S10: never quotes the content where it is not what was expected', async () => {
    const files = new AgeFiles({ identity: identityFile });
    const bad = write('bad.age', await encrypted('token: "canary-canary\n  - x: [canary-canary\n'));
    const list = write('list.age', await encrypted('- canary-canary\n'));
    const binary = write('bin.age', await encrypted(new Uint8Array([0xff, 0xfe])));
    for (const [path, name, told] of [
      [bad, 'token', 'holds no mapping of names to secrets'],
      [list, 'token', 'holds no mapping of names to secrets'],
      [binary, 'token', 'not UTF-8'],
      [secrets, 'nested', 'is not text'],
      [secrets, 'registri', 'did you mean "registry"'],
      [write('plain.age', 'token: canary-canary\n'), 'token', 'is no file that age has encrypted'],
    ] as const) {
      const { message } = await refusal(files.read(path, name));
      expect(message).toContain(told);
      expect(message).not.toContain('canary-canary');
    }
  });
});

const hasAge = (() => {
  try {
    execFileSync('age', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

// Files that age of Debian has written are tested above, where it is not installed too.
describe.skipIf(!hasAge)('with the program age (skipped where it is not installed)', () => {
  it('reads what it writes, and writes what it reads', async () => {
    const key = join(folder, 'fresh.txt');
    execFileSync('age-keygen', ['-o', key], { stdio: 'ignore' });
    const recipient = execFileSync('age-keygen', ['-y', key], { encoding: 'utf8' }).trim();
    const files = new AgeFiles({ identity: key });
    for (const [index, flags] of [[], ['--armor']].entries()) {
      const text = 'x'.repeat(64 * 1024 * index) + 'across chunks';
      const path = write(
        `by-age-${index}`,
        execFileSync('age', [...flags, '-r', recipient], { input: text }),
      );
      expect(await files.read(path)).toBe(text);
    }
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    const ours = write('ours.age', await encrypter.encrypt('from here'));
    expect(execFileSync('age', ['-d', '-i', key, ours], { encoding: 'utf8' })).toBe('from here');
  });
});
