import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Fault } from './fault.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { startFaultProxy } from './fault-proxy.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function echo(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return server;
}

async function proxied(): Promise<FaultProxy> {
  const proxy = await startFaultProxy(((await echo()).address() as AddressInfo).port);
  closing.push(() => proxy.close());
  return proxy;
}

interface Client {
  readonly socket: Socket;
  readonly received: () => string;
  /** How the connection ended: `end`, or the code of the error. */
  readonly ended: Promise<string>;
  readonly until: (text: string) => Promise<void>;
}

function client(proxy: FaultProxy): Client {
  const socket = connect(proxy.port, '127.0.0.1');
  closing.push(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  const ended = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('end', () => resolve('end'));
    socket.on('close', () => resolve('close'));
  });
  const until = async (text: string) => {
    while (!received.includes(text)) await new Promise((resolve) => socket.once('data', resolve));
  };
  return { socket, received: () => received, ended, until };
}

test('without a fault, bytes go through and are counted', async () => {
  const proxy = await proxied();
  const { socket, until } = client(proxy);
  socket.write('hello');
  await until('hello');
  expect(proxy.traffic).toEqual({ toServer: 5, toClient: 5 });
  expect([proxy.bytes, proxy.connections]).toEqual([10, 1]);
});

test.each<[Fault, string, string]>([
  [{ kind: 'cut', afterBytes: 3, direction: 'toServer' }, 'abc', 'end'],
  [{ kind: 'cut', afterBytes: 6, direction: 'toClient' }, 'abcdef', 'end'],
  [{ kind: 'reset', afterBytes: 0 }, '', 'ECONNRESET'],
])('%j', async (fault, received, ending) => {
  const proxy = await proxied();
  proxy.fault = fault;
  const end = client(proxy);
  end.socket.write('abcdefgh');
  expect(await end.ended).toBe(ending);
  expect(received.startsWith(end.received())).toBe(true);
});

test('nobody listens during a refusal, and somebody does after it', async () => {
  const proxy = await proxied();
  proxy.fault = { kind: 'refuse' };
  expect(await client(proxy).ended).toBe('ECONNREFUSED');
  proxy.fault = { kind: 'none' };
  const { socket, until } = client(proxy);
  socket.write('again');
  await until('again');
});

test('a blackhole holds back what comes after its place, and lets it go when it is gone', async () => {
  const proxy = await proxied();
  proxy.fault = { kind: 'blackhole', afterBytes: 4, direction: 'toServer' };
  const { socket, until, received } = client(proxy);
  socket.write('abcdefgh');
  await until('abcd');
  socket.write('ijkl');
  // Whatever else came through would be here by the time that a connection of its own has been served.
  const other = client(proxy);
  other.socket.write('xy');
  await other.until('xy');
  expect(received()).toBe('abcd');
  proxy.fault = { kind: 'none' };
  await until('abcdefghijkl');
  expect(received()).toBe('abcdefghijkl');
});

test('a fault that strikes once leaves the next connection alone', async () => {
  const proxy = await proxied();
  proxy.fault = { kind: 'reset', afterBytes: 2, once: true };
  const first = client(proxy);
  first.socket.write('abcd');
  expect(await first.ended).toBe('ECONNRESET');
  const second = client(proxy);
  second.socket.write('abcd');
  await second.until('abcd');
  expect(proxy.fault).toEqual({ kind: 'none' });
});

test('one bit of one byte is turned over, and tampering may change anything', async () => {
  const proxy = await proxied();
  proxy.fault = { kind: 'flip', atByte: 2, direction: 'toServer' };
  const first = client(proxy);
  first.socket.write('abcd');
  await first.until('abs');
  expect(first.received()).toBe('absd');
  proxy.fault = {
    kind: 'tamper',
    change: (bytes, at, direction) =>
      direction === 'toClient' ? Buffer.from(`${at}:${String(bytes)}`) : bytes,
  };
  const second = client(proxy);
  second.socket.write('abcd');
  await second.until('4:abcd');
});

test('a slow line keeps everything in order, and takes the time that its rate says', async () => {
  const proxy = await proxied();
  proxy.fault = { kind: 'slow', latencyMs: 20, bytesPerSecond: 200 };
  const { socket, until, received } = client(proxy);
  const started = performance.now();
  const text = Array.from({ length: 40 }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
  socket.write(text);
  await until(text);
  expect(received()).toBe(text);
  // 40 bytes there at 200 a second, and 20 ms each way.
  expect(performance.now() - started).toBeGreaterThan(240);
});

test('what is under way on a slow line arrives at once when the line is well again', async () => {
  const proxy = await proxied();
  proxy.fault = { kind: 'slow', bytesPerSecond: 1 };
  const { socket, until } = client(proxy);
  socket.write('a long text for such a line');
  await until('a');
  proxy.fault = { kind: 'none' };
  await until('a long text for such a line');
  expect(proxy.traffic).toEqual({ toServer: 27, toClient: 27 });
});

test('the open connections can be reset', async () => {
  const proxy = await proxied();
  const { socket, until, ended } = client(proxy);
  socket.write('a');
  await until('a');
  proxy.disconnect();
  expect(await ended).toBe('ECONNRESET');
});

test('the end of one side is the end of the other', async () => {
  const proxy = await proxied();
  const { socket, until, ended } = client(proxy);
  socket.end('last words');
  await until('last words');
  expect(await ended).toBe('end');
});
