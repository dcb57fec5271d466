import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { changesOf, converge } from '../../test/support/converge.ts';
import type { LargeFile } from '../core/large-file.ts';
import { Secret } from '../core/secret.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { file } from './file.ts';

/** A large file that counts how often it was read. */
function largeFileOf(content: string) {
  const read = { times: 0 };
  const bytes = () => {
    read.times++;
    return Buffer.from(content);
  };
  const source: LargeFile = {
    path: '/home/me/images.tar',
    size: Buffer.byteLength(content),
    sha256: async () => createHash('sha256').update(bytes()).digest('hex'),
    async *read() {
      yield bytes();
    },
  };
  return { source, read };
}

const root = { owner: 'root', group: 'root' };

describe('a file', () => {
  it('that is absent is made with content, mode and owner', async () => {
    const host = new MemoryHost();
    expect(await converge(file({ path: '/etc/motd', content: 'hi\n' }), host)).toEqual([
      { type: 'text', path: 'content', want: 'hi\n' },
      { type: 'value', path: 'mode', want: '0644' },
      { type: 'value', path: 'owner', want: 'root' },
      { type: 'value', path: 'group', want: 'root' },
    ]);
    expect(host.writes).toEqual([{ path: '/etc/motd', content: 'hi\n', mode: '0644', ...root }]);
  });

  it('that is right is not touched', async () => {
    const host = new MemoryHost().file('/etc/motd', 'hi\n');
    expect(await converge(file({ path: '/etc/motd', content: 'hi\n' }), host)).toEqual([]);
    expect(host.writes).toEqual([]);
  });

  it('shows both texts when its content differs', async () => {
    const host = new MemoryHost().file('/etc/motd', 'old\n');
    expect(await converge(file({ path: '/etc/motd', content: Buffer.from('new\n') }), host)).toEqual([
      { type: 'text', path: 'content', have: 'old\n', want: 'new\n' },
    ]);
  });

  it('shows size and hash of binary content', async () => {
    const host = new MemoryHost().file('/bin/x', 'old');
    const [change] = await converge(
      file({ path: '/bin/x', content: Uint8Array.of(0, 255), mode: '0755' }),
      host,
    );
    expect(change).toEqual({
      type: 'value',
      path: 'content',
      have: '3 bytes, sha256 cba06b5736fa',
      want: '2 bytes, sha256 06eb7d6a69ee',
    });
  });

  it('never shows a secret, nor its hash or size', async () => {
    const host = new MemoryHost().file('/etc/key', 'cnry_old', { mode: '0644' });
    const step = file({ path: '/etc/key', content: new Secret('cnry_new', 'key'), mode: '0600' });
    expect(await changesOf(step, host)).toEqual([
      { type: 'secret', path: 'content', have: 'differs' },
      { type: 'value', path: 'mode', have: '0644', want: '0600' },
    ]);
    expect(await changesOf(step, new MemoryHost())).toContainEqual({
      type: 'secret',
      path: 'content',
      have: 'absent',
    });
    await converge(step, host);
    expect(await host.readFile('/etc/key')).toBe('cnry_new');
  });

  it('takes a file of the inventory', async () => {
    const host = new MemoryHost();
    await converge(file({ path: '/etc/ca.pem', content: { content: Buffer.from('PEM\n') } }), host);
    expect(await host.readFile('/etc/ca.pem')).toBe('PEM\n');
  });

  it('from a large source is sent when it is absent or has another size, without being hashed first', async () => {
    const { source, read } = largeFileOf('new bytes');
    const step = file({ path: '/opt/images.tar', source });
    expect((await changesOf(step, new MemoryHost()))[0]).toEqual({
      type: 'value',
      path: 'content',
      want: '9 bytes of /home/me/images.tar',
    });
    const host = new MemoryHost().file('/opt/images.tar', 'old');
    expect(await changesOf(step, host)).toEqual([
      {
        type: 'value',
        path: 'content',
        have: '3 bytes, sha256 cba06b5736fa',
        want: '9 bytes of /home/me/images.tar',
      },
    ]);
    expect(read.times).toBe(0);
    await converge(step, host);
    expect(await host.readFile('/opt/images.tar')).toBe('new bytes');
  });

  it('from a large source is compared by hash when the sizes agree, and not sent when it is right', async () => {
    const { source } = largeFileOf('new');
    const step = file({ path: '/opt/images.tar', source });
    const same = new MemoryHost().file('/opt/images.tar', 'new');
    expect(await converge(step, same)).toEqual([]);
    expect(same.writes).toEqual([]);
    expect(await changesOf(step, new MemoryHost().file('/opt/images.tar', 'old'))).toEqual([
      {
        type: 'value',
        path: 'content',
        have: '3 bytes, sha256 cba06b5736fa',
        want: '3 bytes, sha256 11507a0e2f5e',
      },
    ]);
  });

  it('does not remove a directory that is in its way, and says what made it', async () => {
    const host = new MemoryHost().directory('/opt/ca.pem');
    const step = file({ path: '/opt/ca.pem', content: 'x' });
    expect(await changesOf(step, host)).toEqual([
      { type: 'value', path: 'type', have: 'directory', want: 'file' },
    ]);
    await expect(converge(step, host)).rejects.toThrow(
      /a directory is in the way at \/opt\/ca.pem.*rmdir.*Docker/,
    );
    const link = new MemoryHost().link('/opt/ca.pem');
    await expect(converge(step, link)).rejects.toThrow(/^UNSAFE_PATH/);
  });
});

it('refuses props that make no sense, all at once', () => {
  const make = () => file({ path: 'etc/../motd', content: '', mode: '644', owner: '-x', group: 'a b' });
  expect(make).toThrow(/PLAYBOOK.*"etc\/..\/motd" is not absolute/);
  expect(make).toThrow(/"644" is not a mode; give four octal digits/);
  expect(make).toThrow(/"-x" is no owner/);
  expect(make).toThrow(/"a b" is no group/);
});
