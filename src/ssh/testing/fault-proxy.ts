import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What happens to a connection after so many bytes, counted in both directions together. */
export type Fault =
  | { readonly kind: 'none' }
  /** An orderly end (FIN) of both sides. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** A reset of both sides. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** Nothing goes through any more, and nobody is told. */
  | { readonly kind: 'blackhole'; readonly afterBytes: number }
  /** One bit of the byte at this place is turned over. */
  | { readonly kind: 'flip'; readonly atByte: number };

export interface FaultProxy {
  readonly port: number;
  /** For connections from now on, and for those that are open. */
  fault: Fault;
  /** Bytes that went through, in both directions together, since the last connection began. */
  readonly bytes: number;
  close(): Promise<void>;
}

/** A TCP proxy on a free port of loopback that hurts what goes through it. For tests only. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  const proxy = { port: 0, fault: { kind: 'none' } as Fault, bytes: 0, close };
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    near.setNoDelay(true);
    proxy.bytes = 0;
    const pair = [near, far];
    for (const [index, socket] of pair.entries()) {
      const peer = pair[1 - index]!;
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        if (proxy.fault.kind !== 'blackhole') peer.destroy();
      });
      socket.on('data', (chunk) => pass(chunk, peer, pair));
    }
  });

  function pass(chunk: Buffer, peer: Socket, pair: readonly Socket[]): void {
    const { fault } = proxy;
    const start = proxy.bytes;
    proxy.bytes += chunk.length;
    if (fault.kind === 'none') return void peer.write(chunk);
    if (fault.kind === 'flip') return void peer.write(flipped(chunk, fault.atByte - start));
    if (proxy.bytes < fault.afterBytes) return void peer.write(chunk);
    const rest = chunk.subarray(0, Math.max(0, fault.afterBytes - start));
    if (rest.length > 0) peer.write(rest);
    if (fault.kind === 'cut') pair.forEach((socket) => socket.end());
    if (fault.kind === 'reset') pair.forEach((socket) => socket.resetAndDestroy());
  }

  async function close(): Promise<void> {
    sockets.forEach((socket) => socket.destroy());
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.port = (server.address() as AddressInfo).port;
  return proxy;
}

function flipped(chunk: Buffer, at: number): Buffer {
  if (at < 0 || at >= chunk.length) return chunk;
  const copy = Buffer.from(chunk);
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}
