import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { checkKeyFile, loadKey } from './key-file.ts';
import { makeFolder, removeFolders } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';

afterEach(removeFolders);

function keyFile(content = makeKey().private, mode = 0o600): string {
  const path = join(makeFolder(), 'id_ed25519');
  writeFileSync(path, content, { mode });
  chmodSync(path, mode);
  return path;
}

test('a private key that only its owner can read is loaded, also through a link', async () => {
  for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
    const pair = makeKey(type);
    const path = keyFile(pair.private);
    expect((await loadKey(path)).getPublicSSH().equals(pair.public)).toBe(true);
    symlinkSync(path, `${path}-link`);
    expect(await checkKeyFile(`${path}-link`)).toBeUndefined();
  }
});

test.each([0o644, 0o640, 0o604, 0o660, 0o601, 0o777])(
  'S47, F07: mode %o is refused with the command that repairs it',
  async (mode) => {
    const path = keyFile(undefined, mode);
    expect(await checkKeyFile(path)).toMatchObject({ code: 'KEY_FILE', remedy: `chmod 600 ${path}` });
    await expect(loadKey(path)).rejects.toThrow('KEY_FILE');
  },
);

test('F07: what is no private key is refused, each for its own reason', async () => {
  const folder = makeFolder();
  mkdirSync(join(folder, 'folder'));
  expect((await checkKeyFile(join(folder, 'missing')))?.happened).toContain('does not exist');
  expect((await checkKeyFile(join(folder, 'folder')))?.happened).toContain('not a regular file');
  expect((await checkKeyFile(keyFile('nonsense')))?.happened).toContain('cannot be used');
  expect((await checkKeyFile(keyFile('')))?.happened).toContain('cannot be used');
  expect((await checkKeyFile(keyFile('x'.repeat(100_000))))?.happened).toContain('too many for a key');
  const publicKey = `ssh-ed25519 ${makeKey().public.toString('base64')} me@here\n`;
  expect((await checkKeyFile(keyFile(publicKey)))?.happened).toContain('a public key');
});

const sshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

test.skipIf(!sshKeygen)('an encrypted key needs its passphrase, or an agent (needs ssh-keygen)', async () => {
  const path = join(makeFolder(), 'id');
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'cnry_right', '-f', path]);
  const right = new Secret('cnry_right', 'passphrase');
  const wrong = new Secret('cnry_wrong', 'passphrase');
  expect((await loadKey(path, right)).type).toBe('ssh-ed25519');
  expect(await checkKeyFile(path)).toMatchObject({ remedy: expect.stringContaining('ssh-add') as unknown });
  expect(await checkKeyFile(path, { agent: '/run/agent' })).toBeUndefined();
  const refused = await loadKey(path, wrong).catch((error: unknown) => problemsOf(error)[0]);
  expect(refused).toMatchObject({
    code: 'KEY_FILE',
    happened: `the passphrase does not open key file ${path}`,
  });
  expect(JSON.stringify(refused)).not.toContain('cnry_wrong');
});

test.skipIf(process.getuid?.() !== 0)(
  'as root, a key of another user may be used, as root can read it anyway (needs root)',
  async () => {
    const path = keyFile();
    chownSync(path, 1234, 1234);
    expect(await checkKeyFile(path)).toBeUndefined();
  },
);
