import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { caFileNames } from './ca-folder.ts';
import { checkCertificate } from './check-certificate.ts';
import type { PrivateCertificate } from './create-private-ca.ts';
import { createPrivateCa } from './create-private-ca.ts';
import { ecKey, makeCertificate } from './test-authority.ts';

const now = new Date('2030-05-01T12:00:00Z');
const name = 'rancher.example.com';
const inDays = (days: number) => new Date(now.getTime() + days * 24 * 60 * 60 * 1000);

let home: string;
let folder: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'private-ca-test-'));
  folder = join(home, 'certificates');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const create = (options: Partial<Parameters<typeof createPrivateCa>[0]> = {}) =>
  createPrivateCa({ folder, names: [name], now, ...options });
const text = (file: string) => readFileSync(join(folder, file), 'utf8');
const server = () => new X509Certificate(text('fullchain.pem'));

/** Name, content, mode and inode of everything in the folder. */
function snapshot(): string[] {
  return readdirSync(folder).map((entry) => {
    const { mode, ino, mtimeMs } = statSync(join(folder, entry));
    return [entry, mode, ino, mtimeMs, text(entry)].join(' ');
  });
}

function check(made: PrivateCertificate, at = now, hostname = name) {
  return checkCertificate({ ...made, hostname, trust: 'own-ca', now: at });
}

async function failure(promise: Promise<unknown>): Promise<ProvisionError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProvisionError)) throw new Error(`expected a ProvisionError, got ${String(error)}`);
  return error;
}

/** Puts a program in the place of openssl that does `command` at its nth call and is the real one else. */
function disturbOpenssl(nth: number, command: string): void {
  const real = execFileSync('sh', ['-c', 'command -v openssl'], { encoding: 'utf8' }).trim();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh\necho >> ${bin}/calls\n[ "$(wc -l < ${bin}/calls)" -eq ${nth} ] && ${command}\nexec ${real} "$@"\n`;
  writeFileSync(join(bin, 'openssl'), script, { mode: 0o755 });
  vi.stubEnv('PATH', [bin, process.env['PATH']].join(delimiter));
  // A killed run cannot clear its temporary folder.
  vi.stubEnv('TMPDIR', home);
}

describe('createPrivateCa', () => {
  it('makes a CA and a server certificate that pass every check and that openssl verifies', async () => {
    const made = await create({ names: [name, '*.apps.example.com', '10.0.0.5', 'fd00::5'] });
    expect(made.made).toEqual(caFileNames);
    for (const hostname of [name, 'x.apps.example.com', '10.0.0.5', 'fd00::5']) {
      expect(check(made, now, hostname)).toMatchObject({ problems: [], warnings: [] });
    }
    const verify = [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-attime',
      String(now.getTime() / 1000),
    ];
    const output = execFileSync('openssl', [...verify, '-CAfile', 'ca.pem', 'fullchain.pem'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(output).toBe('fullchain.pem: OK\n');
  });

  it('gives the certificates the shape that clients of today ask for', async () => {
    await create();
    const dump = (file: string) =>
      execFileSync('openssl', ['x509', '-in', join(folder, file), '-noout', '-text'], { encoding: 'utf8' });
    expect(dump('ca.pem')).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(dump('ca.pem')).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(dump('fullchain.pem')).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(dump('fullchain.pem')).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(dump('fullchain.pem')).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication\n/);
    expect(dump('fullchain.pem')).toMatch(/Subject Alternative Name:\s+DNS:rancher\.example\.com\n/);
    const { validFrom, validTo } = server();
    const days = (Date.parse(validTo) - Date.parse(validFrom)) / (24 * 60 * 60 * 1000);
    expect(days).toBeGreaterThan(364);
    expect(days).toBeLessThanOrEqual(366);
    expect(Date.parse(validFrom)).toBeLessThan(now.getTime());
    expect(new Date(new X509Certificate(text('ca.pem')).validTo).getUTCFullYear()).toBe(2040);
    expect(server().publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });

  it('keeps all of it from other users, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await create();
    } finally {
      process.umask(before);
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual([...caFileNames].sort());
    for (const file of caFileNames) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  });

  it('touches nothing when all of it is there and good', async () => {
    const first = await create();
    const before = snapshot();
    const second = await create({ now: inDays(300) });
    expect(second.made).toEqual([]);
    expect(second.chain).toEqual(first.chain);
    expect(snapshot()).toEqual(before);
  });

  it('gives a new name a new certificate from the same CA and for the same key', async () => {
    await create();
    const ca = text('ca.pem');
    const key = text('key.pem');
    const serial = server().serialNumber;
    const again = await create({ names: [name, 'second.example.com'] });
    expect(again.made).toEqual(['fullchain.pem']);
    expect([text('ca.pem'), text('key.pem')]).toEqual([ca, key]);
    expect(server().serialNumber).not.toBe(serial);
    expect(check(again, now, 'second.example.com').problems).toEqual([]);
  });

  it('finds wildcards and addresses again, in any spelling', async () => {
    await create({ names: ['*.apps.example.com', 'fd00::5', name] });
    const again: [string, ...string[]] = ['fd00:0:0::5', name.toUpperCase(), '*.apps.example.com'];
    expect((await create({ names: again })).made).toEqual([]);
  });

  it('keeps the certificate when names are no longer asked for', async () => {
    await create({ names: [name, 'second.example.com'] });
    expect((await create()).made).toEqual([]);
  });

  it('renews the server certificate in its last 30 days', async () => {
    await create();
    expect((await create({ now: inDays(334) })).made).toEqual([]);
    const later = await create({ now: inDays(336) });
    expect(later.made).toEqual(['fullchain.pem']);
    expect(check(later, inDays(336))).toMatchObject({ problems: [], warnings: [] });
  });

  it('renews the CA in its last 30 days, under the same name and key, so that older certificates stay valid', async () => {
    await create();
    const old = text('fullchain.pem');
    const later = await create({ now: inDays(3640) });
    expect(later.made).toEqual(['ca.pem', 'fullchain.pem']);
    expect(check(later, inDays(3640))).toMatchObject({ problems: [], warnings: [] });
    expect(check({ ...later, chain: { content: old, file: 'old' } }, now).problems).not.toContainEqual(
      expect.objectContaining({ happened: expect.stringContaining('not complete') as string }),
    );
  });

  it('issues no server certificate that outlives its CA', async () => {
    await create();
    await create({ now: inDays(3500) });
    expect(server().validTo).toBe(new X509Certificate(text('ca.pem')).validTo);
  });

  describe('persist: false', () => {
    it('makes everything and leaves nothing behind', async () => {
      const temporary = join(home, 'tmp');
      mkdirSync(temporary);
      vi.stubEnv('TMPDIR', temporary);
      const made = await create({ persist: false });
      expect(check(made)).toMatchObject({ problems: [], warnings: [] });
      expect(made.made).toEqual(caFileNames);
      expect(made.chain.file).toBe(join(folder, 'fullchain.pem'));
      expect(existsSync(folder)).toBe(false);
      expect(readdirSync(temporary)).toEqual([]);
    });

    it('uses what the folder holds, and leaves the folder as it is', async () => {
      const kept = await create();
      const before = snapshot();
      expect((await create({ persist: false })).chain).toEqual(kept.chain);
      const other = await create({ persist: false, names: ['second.example.com'] });
      expect(other).toMatchObject({ made: ['fullchain.pem'], ca: kept.ca });
      expect(check(other, now, 'second.example.com').problems).toEqual([]);
      expect(snapshot()).toEqual(before);
    });
  });

  describe('after an interruption', () => {
    it.each([0, 1, 2, 3])('goes on from the first %i files, and keeps them', async (count) => {
      await create();
      const kept = caFileNames.slice(0, count).map((file) => [file, text(file)]);
      for (const file of caFileNames.slice(count)) rmSync(join(folder, file));
      const made = await create();
      expect(made.made).toEqual(caFileNames.slice(count));
      expect(kept.map(([file]) => [file, text(file!)])).toEqual(kept);
      expect(check(made)).toMatchObject({ problems: [], warnings: [] });
    });

    it.each([1, 2, 3, 4])(
      'repairs what a run left that was killed in its call %i of openssl',
      async (nth) => {
        disturbOpenssl(nth, 'kill -9 $PPID');
        const program = `import { createPrivateCa } from ${JSON.stringify(join(import.meta.dirname, 'create-private-ca.ts'))};
        await createPrivateCa(${JSON.stringify({ folder, names: [name] }).replace(/\}$/, '')}, now: new Date(${now.getTime()}) });`;
        const script = join(home, 'run.mts');
        writeFileSync(script, program);
        const jiti = new URL('../../node_modules/jiti/lib/jiti-register.mjs', import.meta.url).href;
        expect(() => execFileSync(process.execPath, ['--import', jiti, script], { stdio: 'pipe' })).toThrow(
          expect.objectContaining({ signal: 'SIGKILL' }) as Error,
        );
        const left = readdirSync(folder);
        const made = await create();
        expect(left.length).toBe(nth < 3 ? 1 : 3);
        expect(made.made).toEqual(caFileNames.slice(left.length));
        expect(check(made)).toMatchObject({ problems: [], warnings: [] });
      },
    );

    it.each([1, 2, 3, 4])('says so when call %i of openssl fails, and goes on the next time', async (nth) => {
      disturbOpenssl(nth, '{ echo no luck >&2; exit 1; }');
      const error = await failure(create());
      expect(error.problems).toMatchObject([{ code: 'LOCAL', detail: 'no luck' }]);
      expect(check(await create())).toMatchObject({ problems: [], warnings: [] });
    });

    it('replaces the key together with the certificate when only the key is lost', async () => {
      await create();
      rmSync(join(folder, 'key.pem'));
      const made = await create();
      expect(made.made).toEqual(['key.pem', 'fullchain.pem']);
      expect(check(made).problems).toEqual([]);
    });

    it('signs for the new key when a run ended between key and certificate', async () => {
      await create();
      writeFileSync(join(folder, 'key.pem'), ecKey());
      const made = await create();
      expect(made.made).toEqual(['fullchain.pem']);
      expect(check(made).problems).toEqual([]);
    });

    it('removes the half-written files of old runs, and not those of a run that may be at work', async () => {
      await create();
      const old = join(folder, 'key.pem.0123456789ab.new');
      const young = join(folder, 'ca-key.pem.0123456789ab.new');
      for (const file of [old, young]) writeFileSync(file, '');
      utimesSync(old, new Date(0), new Date(0));
      await create();
      expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
    });
  });

  it('takes the file of another run that was faster', async () => {
    await create();
    const faster = join(home, 'ca.pem');
    copyFileSync(join(folder, 'ca.pem'), faster);
    for (const file of caFileNames.slice(1)) rmSync(join(folder, file));
    disturbOpenssl(2, `cp ${faster} ${folder}/`);
    const made = await create();
    expect(made.ca.content).toBe(readFileSync(faster, 'utf8'));
    expect(check(made)).toMatchObject({ problems: [], warnings: [] });
  });

  it('agrees on one CA when many runs start at once', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => create()));
    const last = await create();
    expect(last.made).toEqual([]);
    expect(new Set(all.map(({ ca }) => ca.content))).toEqual(new Set([last.ca.content]));
    expect(check(last)).toMatchObject({ problems: [], warnings: [] });
  });

  it('narrows the modes that a checkout has widened', async () => {
    await create();
    chmodSync(join(folder, 'ca-key.pem'), 0o644);
    await create();
    expect(statSync(join(folder, 'ca-key.pem')).mode & 0o777).toBe(0o600);
  });

  describe('refuses', () => {
    it('to work without openssl, and says how to get it', async () => {
      vi.stubEnv('PATH', home);
      const error = await failure(create());
      expect(error.code).toBe('LOCAL');
      expect(error.message).toMatch(/openssl is not installed.*apt install openssl/);
    });

    it('names that no certificate can hold, all at once', async () => {
      const error = await failure(
        create({ names: ['ok.example.com', 'a b', 'x\nCN = evil', '${ENV::HOME}', '-a.b'] }),
      );
      expect(error.problems.map(({ code }) => code)).toEqual(Array(4).fill('CERTIFICATE'));
      expect(error.message).toContain(String.raw`"x\nCN = evil"`);
      expect(existsSync(folder)).toBe(false);
    });

    it('to replace the files of somebody else', async () => {
      mkdirSync(folder, { mode: 0o700 });
      const own = makeCertificate({ name, san: `DNS:${name}` });
      writeFileSync(join(folder, 'fullchain.pem'), own.pem);
      writeFileSync(join(folder, 'key.pem'), own.key);
      const before = snapshot();
      const error = await failure(create());
      expect(error.code).toBe('LOCAL');
      expect(error.message).toMatch(/key\.pem is not from a private CA made here.*folder was left as it is/);
      expect(snapshot()).toEqual(before);
    });

    it.each([
      ['fullchain.pem', () => makeCertificate({ name, san: `DNS:${name}` }).pem, /did not sign it/],
      ['ca.pem', () => makeCertificate({ name }).pem, /ca\.pem did not sign it/],
      ['ca-key.pem', () => ecKey(), /is not the key of/],
      ['ca-key.pem', () => 'nothing', /holds no unencrypted private key/],
      ['fullchain.pem', () => 'nothing', /holds no certificate/],
    ])('a folder with a foreign %s', async (file, content, message) => {
      await create();
      writeFileSync(join(folder, file), content());
      const before = snapshot();
      const error = await failure(create());
      expect([error.code, error.message]).toEqual(['LOCAL', expect.stringMatching(message)]);
      expect(snapshot()).toEqual(before);
    });

    it('to make a new CA in silence when the key of the old one is lost', async () => {
      await create();
      rmSync(join(folder, 'ca-key.pem'));
      expect((await create()).made).toEqual([]);
      const error = await failure(create({ names: ['second.example.com'] }));
      expect(error.message).toMatch(/ca-key\.pem is missing.*put the file back/);
    });

    it('a folder that others can write to', async () => {
      mkdirSync(folder);
      chmodSync(folder, 0o777);
      expect((await failure(create())).code).toBe('UNSAFE_PATH');
      expect(readdirSync(folder)).toEqual([]);
    });

    it('a path that is a file', async () => {
      writeFileSync(folder, '');
      const error = await failure(create());
      expect([error.code, error.message]).toEqual(['LOCAL', expect.stringContaining(folder)]);
    });
  });

  it('passes no key as an argument and prints none', async () => {
    const calls = join(home, 'arguments');
    disturbOpenssl(0, 'true');
    const wrapper = join(home, 'bin', 'openssl');
    copyFileSync(wrapper, `${wrapper}.real`);
    writeFileSync(
      wrapper,
      `#!/bin/sh\n{ printf '%s\\n' "$@"; env; } >> ${calls}\nexec ${wrapper}.real "$@"\n`,
      { mode: 0o755 },
    );
    const made = await create();
    const seen = readFileSync(calls, 'utf8') + JSON.stringify(made);
    for (const file of ['ca-key.pem', 'key.pem']) {
      // The secret number is in the first line and the next; the rest is the public key, which a certificate shows.
      const [, secret] = text(file).split('\n');
      expect(secret).toMatch(/^[A-Za-z0-9+/]{64}$/);
      expect(seen.includes(secret!)).toBe(false);
    }
    expect(seen).toContain('-keyfile');
  });
});
