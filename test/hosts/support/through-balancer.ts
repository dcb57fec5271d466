import { request } from 'node:https';
import type { TestHost } from './test-host.ts';

/** One HTTPS request through the balancer, as a client with this CA would make it; the name need not be in DNS. */
export function throughBalancer(
  lb: TestHost,
  options: { hostname: string; path: string; ca?: string; headers?: Record<string, string>; port?: number },
): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }> {
  const { hostname, path, ca, headers = {}, port = 443 } = options;
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: lb.mappedPort(port),
        path,
        servername: hostname,
        ca,
        headers: { Host: hostname, ...headers },
        agent: false,
      },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' });
    });
    asked.once('error', reject);
    asked.setTimeout(10_000, () => asked.destroy(new Error('no answer within 10 s')));
    asked.end();
  });
}
