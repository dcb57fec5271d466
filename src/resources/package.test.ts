import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changesOf, converge } from '../../test/support/converge.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { pkg } from './package.ts';

/** A Debian host as far as packages go: apt-get install makes packages installed. */
class DebianHost extends MemoryHost {
  readonly installed = new Set<string>();
  lists: 'fresh' | 'old' = 'fresh';

  constructor(options?: ConstructorParameters<typeof MemoryHost>[0]) {
    super(options);
    this.answer('dpkg-query -W', () =>
      [...this.installed].map((name) => `${name}\tinstalled\tok\n`).join(''),
    );
    this.answer('/proc/locks', '');
    this.answer('dpkg --audit', '');
    this.answer('apt-cache madison', () => ({ code: this.lists === 'fresh' ? 0 : 1 }));
    this.answer('apt-get -y', (script) => {
      if (/ update /.test(script)) this.lists = 'fresh';
      for (const name of namesIn(script)) this.installed.add(name);
      return '';
    });
  }

  /** What apt-get was asked for: `update`, `install nginx`. */
  get calls(): string[] {
    return this.runs.flatMap((script) => {
      if (script.includes('--configure -a')) return ['configure'];
      return [namesIn(script).length > 0 ? `install ${namesIn(script).join(' ')}` : 'update'];
    });
  }
}

function namesIn(script: string): string[] {
  return / install --no-install-recommends --no-remove -- ([^>]+) 2>/.exec(script)?.[1]?.split(' ') ?? [];
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Lets all waiting pass in no time. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = promise.finally(() => (settled = true));
  done.catch(() => undefined);
  while (!settled as boolean) await vi.advanceTimersByTimeAsync(1000);
  return done;
}

describe('packages', () => {
  it('that are missing are installed together; the others are left alone', async () => {
    const host = new DebianHost();
    host.installed.add('curl');
    expect(await converge(pkg({ name: ['nginx', 'curl', 'gnupg'] }), host)).toEqual([
      { type: 'value', path: 'nginx', want: 'installed' },
      { type: 'value', path: 'gnupg', want: 'installed' },
    ]);
    expect(host.calls).toEqual(['install nginx gnupg']);
    expect(host.runs[0]).toContain('DEBIAN_FRONTEND=noninteractive');
  });

  it('that are half installed count as a difference', async () => {
    const host = new DebianHost().answer(
      'dpkg-query',
      'nginx\thalf-configured\tok\ncurl\tinstalled\treinstreq\n',
    );
    expect(await changesOf(pkg({ name: ['nginx', 'curl'] }), host)).toEqual([
      { type: 'value', path: 'nginx', have: 'half-configured', want: 'installed' },
      { type: 'value', path: 'curl', have: 'reinstreq', want: 'installed' },
    ]);
  });

  it('are looked for in fresh lists when the lists are old or do not know them', async () => {
    const host = new DebianHost();
    host.lists = 'old';
    await converge(pkg({ name: 'nginx' }), host);
    expect(host.calls).toEqual(['update', 'install nginx']);
  });

  it('F33: are looked for again when the mirror has moved on', async () => {
    const host = new DebianHost();
    host.answer(' install ', (script) => {
      if (!host.calls.includes('update'))
        return { code: 100, stdout: 'E: Failed to fetch http://x  404  Not Found' };
      for (const name of namesIn(script)) host.installed.add(name);
      return '';
    });
    await converge(pkg({ name: 'nginx' }), host);
    expect(host.calls).toEqual(['install nginx', 'update', 'install nginx']);
  });

  it('F33: are tried three times when the network fails, and once when anything else does', async () => {
    const host = new DebianHost();
    const lost =
      'Err:1 http://x stable InRelease\n  Temporary failure resolving x\nE: Failed to fetch http://x';
    host.answer(' install ', { code: 100, stdout: lost });
    await expect(soon(converge(pkg({ name: 'nginx' }), host))).rejects.toThrow(
      /^PACKAGE — apt-get install nginx failed: Err:1.*proxy, DNS/,
    );
    expect(host.calls).toEqual(Array(3).fill('install nginx'));

    const broken = new DebianHost().answer(' install ', {
      code: 100,
      stdout: 'E: nginx: unmet dependencies',
    });
    await expect(soon(converge(pkg({ name: 'nginx' }), broken))).rejects.toThrow(
      /^PACKAGE.*apt-mark showhold/,
    );
    expect(broken.calls).toEqual(['install nginx']);
  });

  it('F31: wait for whoever holds the dpkg lock, and say for whom', async () => {
    const host = new DebianHost();
    let looks = 0;
    host.answer('/proc/locks', () => (looks++ < 3 ? '811 unattended-upgr\n' : ''));
    await soon(converge(pkg({ name: 'nginx' }), host));
    expect(host.progressed.slice(0, 3)).toEqual([
      'waiting for pid 811 unattended-upgr (holds the dpkg lock), 0 s',
      'waiting for pid 811 unattended-upgr (holds the dpkg lock), 3 s',
      'waiting for pid 811 unattended-upgr (holds the dpkg lock), 6 s',
    ]);
    expect(host.calls).toEqual(['install nginx']);
  });

  it('F31: are given up when the lock is held for ten minutes; nothing is touched', async () => {
    const host = new DebianHost().answer('/proc/locks', '811 apt\n');
    await expect(soon(converge(pkg({ name: 'nginx' }), host))).rejects.toThrow(
      /pid 811 apt has held the dpkg lock/,
    );
    expect(host.runs).toEqual([]);
  });

  it('F32: need what an interrupted dpkg left to be ended first', async () => {
    const host = new DebianHost().answer('dpkg --audit', '0001\n').answer('--configure -a', '');
    await converge(pkg({ name: 'nginx' }), host);
    expect(host.calls).toEqual(['configure', 'install nginx']);
  });

  it('F55: of other distributions are refused with a clear word', async () => {
    const host = new MemoryHost({ facts: { os: 'alpine', osName: 'Alpine Linux v3.20' } });
    await expect(changesOf(pkg({ name: 'nginx' }), host)).rejects.toThrow(
      /^UNSUPPORTED — packages of Alpine Linux v3.20 are not supported.*debian, ubuntu/,
    );
    const mint = new DebianHost({ facts: { os: 'linuxmint', osLike: ['ubuntu', 'debian'] } });
    await expect(converge(pkg({ name: 'nginx' }), mint)).resolves.toHaveLength(1);
  });
});

it.each(['-o', 'a b', '', 'x;y'])('refuses the name %j', (name) => {
  expect(() => pkg({ name })).toThrow(/^PLAYBOOK/);
});
