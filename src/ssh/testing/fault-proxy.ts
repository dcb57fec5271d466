import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Fault, FaultDirection } from './fault.ts';
import { FaultyPair } from './faulty-pair.ts';

/** A proxy that hurts what goes through it. */
export interface FaultProxy {
  /** Connect here, to 127.0.0.1. */
  readonly port: number;
  /** For connections from now on, and for those that are open. Setting it lets go what a blackhole holds back. */
  fault: Fault;
  /** Bytes that came in, in both directions together, since the last connection began. */
  readonly bytes: number;
  /** The same by direction. */
  readonly traffic: Readonly<Record<FaultDirection, number>>;
  /** How many connections there have been. */
  readonly connections: number;
  /** Resets the connections that are open now. */
  disconnect(): void;
  close(): Promise<void>;
}

/**
 * Starts a TCP proxy on a free port of loopback, in front of a server of loopback or of another address. It does no
 * harm until `fault` is set.
 * @example
 * const proxy = await startFaultProxy(server.port);
 * proxy.fault = { kind: 'reset', afterBytes: 4096, direction: 'toServer', once: true };
 * // … what is tested connects to proxy.port, loses its connection after 4 KiB, and may try again
 * await proxy.close();
 */
export async function startFaultProxy(
  target: number | { readonly host: string; readonly port: number },
): Promise<FaultProxy> {
  const where = typeof target === 'number' ? { host: '127.0.0.1', port: target } : target;
  const pairs = new Set<FaultyPair>();
  let fault: Fault = { kind: 'none' };
  let last: FaultyPair | undefined;
  let connections = 0;
  const serve = (near: Socket) => {
    const far = connect({ ...where, noDelay: true, allowHalfOpen: true });
    near.setNoDelay(true);
    const pair = new FaultyPair(
      near,
      far,
      () => fault,
      () => (fault = { kind: 'none' }),
    );
    connections++;
    last = pair;
    pairs.add(pair);
    pair.onEnd(() => pairs.delete(pair));
  };
  const server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    port,
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
      for (const pair of pairs) pair.heal();
      if (next.kind === 'refuse') server.close();
      else if (!server.listening) server.listen(port, '127.0.0.1');
    },
    get bytes() {
      return last ? last.traffic.toServer + last.traffic.toClient : 0;
    },
    get traffic() {
      return { toServer: 0, toClient: 0, ...last?.traffic };
    },
    get connections() {
      return connections;
    },
    disconnect() {
      for (const pair of pairs) pair.reset();
    },
    async close() {
      for (const pair of pairs) pair.destroy();
      if (server.listening) await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
