import { startFaultProxy } from '../src/ssh/testing/fault-proxy.ts';

/*
 * A process of its own with a proxy in front of each port that its parent names, so that the delay is not the benchmark's
 * to suffer from. Answers with the ports of the proxies, and ends with its parent.
 */
process.on('message', ({ ports, latencyMs }: { ports: readonly number[]; latencyMs: number }) => {
  void Promise.all(ports.map((port) => startDelay(port, latencyMs))).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());

async function startDelay(port: number, latencyMs: number): Promise<number> {
  const proxy = await startFaultProxy(port);
  // As much as a TCP connection has under way when its window has grown.
  proxy.fault = { kind: 'slow', latencyMs, windowBytes: 4 * 1024 * 1024 };
  return proxy.port;
}
