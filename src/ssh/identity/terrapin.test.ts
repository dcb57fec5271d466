import type { EventEmitter } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectTcp, createServer } from 'node:net';
import ssh2 from 'ssh2';
import type { CipherAlgorithm } from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import type { Problem } from '../../core/errors.ts';
import { problemsOf } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { connect } from '../connect.ts';
import type { SshTarget } from '../target.ts';
import { loopback, removeFolders, trusting } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';
import type { SshServer, SshServerOptions } from '../testing/ssh-server.ts';
import { password, startSshServer } from '../testing/ssh-server.ts';
import { WireReader } from './wire-reader.ts';

const chacha = 'chacha20-poly1305@openssh.com';
const gcm = 'aes128-gcm@openssh.com';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

/** How many bytes a server has sent when the exchange of keys, and EXT_INFO after it, are done; by its port. */
const greetings = new Map<number, number>();

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server: SshServer = await startSshServer({
    ...options,
    onConnection: (connection) => {
      options.onConnection?.(connection);
      const { _sock: socket } = connection as unknown as { readonly _sock: Socket };
      (connection as unknown as EventEmitter).once('handshake', () =>
        greetings.set(server.port, socket.bytesWritten),
      );
    },
  });
  closing.push(() => server.close());
  return server;
}

async function outcome(
  server: Pick<SshServer, 'hostKey'> & { readonly port: number },
  more: Partial<SshTarget> = {},
  isKnown = true,
): Promise<Partial<Problem>> {
  try {
    const known = isKnown ? [[server.port, server.hostKey] as const] : [];
    const connection = await connect(loopback(server.port, more), trusting(known));
    await connection.close();
    return { happened: 'in' };
  } catch (error) {
    return problemsOf(error)[0];
  }
}

/** Makes a server forget the strict exchange of keys, as those from before 2024 do. */
const notStrict: SshServerOptions['onConnection'] = (connection) => {
  const { _protocol: protocol } = connection as unknown as {
    _protocol: {
      _offer: { lists: { kex: { array: string[] } }; constructor: unknown };
      _strictMode: boolean;
    };
  };
  protocol._strictMode = false;
  const lists = protocol._offer.lists as unknown as Record<string, Record<string, unknown>>;
  const arrays = (group: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(group).map(([name, list]) => [name, (list as { array: unknown }).array]),
    );
  const KexInit = protocol._offer.constructor as new (lists: object) => typeof protocol._offer;
  protocol._offer = new KexInit({
    kex: protocol._offer.lists.kex.array.filter((name) => !name.startsWith('kex-strict')),
    serverHostKey: lists['serverHostKey']!['array'],
    cs: arrays(lists['cs']!),
    sc: arrays(lists['sc']!),
  });
};

const only = (cipher: string) => ({ cipher: [cipher as CipherAlgorithm] });

/** A proxy that deletes the first encrypted message of the host: the one that says which signatures it knows. */
async function startDeleting(server: SshServer, makeUpFor: boolean) {
  const proxy = { port: 0, deletedBytes: 0 };
  const sockets = new Set<Socket>();
  const listener = createServer((near) => {
    const far = connectTcp({ host: '127.0.0.1', port: server.port, noDelay: true });
    let seen = 0;
    near.setNoDelay(true);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    near.on('data', (chunk) => far.write(chunk)).on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    let rest = Buffer.alloc(0);
    let state: 'greeting' | 'clear' | 'deleting' | 'done' = 'greeting';
    far.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        if (state === 'done') {
          near.write(rest);
          rest = Buffer.alloc(0);
          return;
        }
        const length = messageLength();
        if (length === undefined || rest.length < length) return;
        const message = rest.subarray(0, length);
        rest = rest.subarray(length);
        seen += length;
        if (state === 'deleting') {
          proxy.deletedBytes = message.length;
          state = 'done';
          continue;
        }
        const isNewKeys = state === 'clear' && message[5] === 21;
        // A message that ssh ignores, so that the numbers of the messages fit again.
        if (isNewKeys && makeUpFor) near.write(clearMessage(Buffer.from([2, 0, 0, 0, 0])));
        near.write(message);
        state = isNewKeys ? 'deleting' : 'clear';
      }
    });
    function messageLength(): number | undefined {
      if (state === 'greeting') return rest.includes('\n') ? rest.indexOf('\n') + 1 : undefined;
      if (rest.length < 4) return undefined;
      if (state === 'clear') return 4 + rest.readUInt32BE();
      // Its length is encrypted too; an attacker knows it from the version of the server, and we from the server itself.
      const end = greetings.get(server.port);
      return end === undefined ? undefined : end - seen;
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  proxy.port = (listener.address() as AddressInfo).port;
  closing.push(() => {
    sockets.forEach((socket) => socket.destroy());
    listener.close();
  });
  return proxy;
}

function clearMessage(payload: Buffer): Buffer {
  const padding = 8 - ((5 + payload.length) % 8) + 8;
  const message = Buffer.alloc(5 + payload.length + padding);
  message.writeUInt32BE(1 + payload.length + padding);
  message[4] = padding;
  payload.copy(message, 5);
  return message;
}

describe('S26: messages cut from the start of a connection (CVE-2023-48795)', () => {
  test('the bare package logs in although the first encrypted message of the host has been deleted', async () => {
    const server = await start({ algorithms: only(chacha), onConnection: notStrict });
    const proxy = await startDeleting(server, true);
    const client = new ssh2.Client();
    closing.push(() => client.end());
    const ready = new Promise((resolve, reject) =>
      client.once('ready', () => resolve('in')).once('error', reject),
    );
    client.connect({ host: '127.0.0.1', port: proxy.port, username: 'deploy', password });
    expect(await ready).toBe('in');
    expect(proxy.deletedBytes).toBeGreaterThan(0);
  });

  test('S26: a host without the strict exchange of keys, and only the cipher that it matters for, is refused', async () => {
    const server = await start({ algorithms: only(chacha), onConnection: notStrict });
    const problem = await outcome(server);
    expect(problem).toMatchObject({ code: 'ALGORITHM', hostState: 'host untouched' });
    expect(problem.remedy).toContain('CVE-2023-48795');
    expect(server.log).toEqual([]);
  });

  test('S26: the same host with a cipher that it does not matter for, or strict with that cipher, is not', async () => {
    const old = await start({ algorithms: only(gcm), onConnection: notStrict });
    expect(await outcome(old)).toEqual({ happened: 'in' });
    const strict = await start({ algorithms: only(chacha) });
    expect(await outcome(strict)).toEqual({ happened: 'in' });
  });

  test.each<[string, string, SshServerOptions, boolean]>([
    ['deleted and made up for, old host', chacha, { onConnection: notStrict }, true],
    ['deleted and made up for', chacha, {}, true],
    ['deleted', chacha, {}, false],
    ['deleted, AES-GCM', gcm, {}, false],
    ['deleted and made up for, AES-GCM', gcm, {}, true],
  ])('S26: EXT_INFO %s: no login, and no password', async (_name, cipher, options, makeUpFor) => {
    const server = await start({ algorithms: only(cipher), ...options });
    const proxy = await startDeleting(server, makeUpFor);
    const { port } = proxy;
    const problem = await outcome({ port, hostKey: server.hostKey });
    expect(problem.code).toMatch(/^(CONN_LOST|ALGORITHM|CONN_TIMEOUT)$/);
    expect(server.log).toEqual([]);
  });

  test('S26: strictness is asked for, and CBC never, with certificates of hosts and without', async () => {
    const authority = `ssh-ed25519 ${makeKey().public.toString('base64')}`;
    for (const more of [{}, { hostCertificateAuthorities: [authority] }]) {
      const offer = await offerOf(more);
      expect(offer[0]).toContain('kex-strict-c-v00@openssh.com');
      expect(offer[1]?.startsWith('ssh-ed25519-cert-')).toBe('hostCertificateAuthorities' in more);
      expect(offer.slice(2, 4).join()).toContain(gcm);
      expect(offer.join()).not.toContain('cbc');
      expect(offer[1]?.split(',')).not.toContain('ssh-rsa');
    }
  });
});

/** The lists of algorithms that we offer, in the order of RFC 4253, section 7.1. */
async function offerOf(more: Partial<SshTarget>): Promise<string[]> {
  let said = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('SSH-2.0-test\r\n');
    socket.on('data', (chunk: Buffer) => {
      said = Buffer.concat([said, chunk]);
      const start = said.indexOf('\n') + 1;
      if (start > 0 && said.length >= start + 4 && said.length >= start + 4 + said.readUInt32BE(start))
        socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  await outcome({ port: (server.address() as AddressInfo).port, hostKey: makeKey().public }, more);
  const message = said.subarray(said.indexOf('\n') + 1);
  const reader = new WireReader(message.subarray(4 + 1 + 1 + 16));
  return Array.from({ length: 6 }, () => reader.text());
}

describe('S27: a host that lets anybody in proves nothing by it', () => {
  const becomePassword = new Secret('cnry_become', 'test password');
  const anybody: SshServerOptions['authenticate'] = (attempt) => attempt.accept();

  test.each<[string, SshServerOptions, boolean, Problem['code']]>([
    ['an unknown one', {}, false, 'HOSTKEY_UNKNOWN'],
    ['one with another key', { hostKeys: [makeKey().parsed] }, true, 'HOSTKEY_CHANGED'],
  ])('S27: %s is sent no name, no password and no command', async (_name, options, isKnown, code) => {
    const commands: string[] = [];
    const server = await start({
      ...options,
      authenticate: anybody,
      onExec: (command) => void commands.push(command),
    });
    const shown = { port: server.port, hostKey: makeKey().public };
    expect(await outcome(shown, { become: 'sudo', becomePassword }, isKnown)).toMatchObject({ code });
    expect(server.log).toEqual([]);
    expect(commands).toEqual([]);
  });

  test('S27: a known one is used, without the password that it did not ask for', async () => {
    const attempts: string[] = [];
    const server = await start({
      authenticate: (attempt) => {
        attempts.push(attempt.method);
        attempt.accept();
      },
    });
    expect(await outcome(server)).toEqual({ happened: 'in' });
    expect(attempts).toEqual(['none']);
    expect(server.log).not.toContain('auth password');
  });
});
