import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** How a line is lost: told by a FIN, told by a RST, or not told at all. */
export type Cut = 'fin' | 'reset' | 'silence';

/** A line to a host that can be lost at any moment, and that follows the host to another port. */
export interface Link {
  readonly port: number;
  /** Hurts the connections that are open now, not those to come. */
  cut(how: Cut): void;
  close(): Promise<void>;
}

export async function openLink(targetPort: () => number): Promise<Link> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const silent = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort(), noDelay: true });
    near.setNoDelay(true);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [socket, peer] of [pair, [far, near] as const]) {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        if (!silent.has(socket)) peer.write(chunk);
      });
      socket.on('close', () => {
        if (silent.has(socket)) return;
        pairs.delete(pair);
        peer.destroy();
      });
    }
  });
  const cut = (how: Cut) => {
    for (const pair of pairs) {
      for (const socket of pair) {
        if (how === 'fin') socket.end();
        else if (how === 'reset') socket.resetAndDestroy();
        else silent.add(socket);
      }
    }
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async close() {
      pairs.forEach((pair) => pair.forEach((socket) => socket.destroy()));
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
