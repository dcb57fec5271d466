import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, connect, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import type { HttpRequest } from '../core/host.ts';
import { exchange, type Dial } from './http.ts';

const dial: Dial = (address, port) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, address, () => resolve(socket));
    socket.once('error', reject);
  });

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function codeOf(request: HttpRequest): Promise<string> {
  return exchange(dial, request).then(
    (response) => `HTTP ${response.status}`,
    (error: unknown) => (error as ProvisionError).message,
  );
}

const certificates = makeCertificates();

function makeCertificates() {
  const folder = mkdtempSync(join(tmpdir(), 'http-test-'));
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=Test CA',
    '-days',
    '2',
  );
  openssl(
    ...['req', '-x509', ...key, '-keyout', 'key.pem', '-out', 'cert.pem', '-subj', '/CN=lb.example.com'],
    ...['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2'],
    ...[
      '-addext',
      'subjectAltName=DNS:lb.example.com,IP:127.0.0.1',
      '-addext',
      'basicConstraints=critical,CA:FALSE',
    ],
  );
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

function https(listener: RequestListener): Server {
  return createHttps({ cert: certificates.cert, key: certificates.key }, listener);
}

it('gives status, headers and body, and does not follow a redirect', async () => {
  const port = await listen(
    createHttp((request, response) => {
      response.setHeader('X-Seen', [request.headers.host ?? '', request.method ?? '']);
      response.writeHead(308, { Location: 'https://elsewhere/' }).end('moved');
    }),
  );
  const response = await exchange(dial, {
    port,
    path: '/',
    method: 'POST',
    headers: { Host: 'lb.example.com' },
  });
  expect(response).toMatchObject({ status: 308, body: 'moved' });
  expect(response.headers).toMatchObject({
    location: 'https://elsewhere/',
    'x-seen': 'lb.example.com, POST',
  });
});

it('keeps at most 64 kB of an endless body', async () => {
  const port = await listen(
    createHttp((_, response) => {
      const more = () =>
        void (response.write('x'.repeat(50_000)) ? setImmediate(more) : response.once('drain', more));
      more();
    }),
  );
  const { body } = await exchange(dial, { port, path: '/' });
  expect(body).toHaveLength(64 * 1024);
});

it('reports a switch of protocols as 101, and a refused one as what it is', async () => {
  const server = createHttp((_, response) => response.writeHead(401).end());
  server.on('upgrade', (request, socket) => {
    if (request.url === '/ws')
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    else socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
  });
  const port = await listen(server);
  const headers = { Connection: 'Upgrade', Upgrade: 'websocket' };
  expect(await codeOf({ port, path: '/ws', headers })).toBe('HTTP 101');
  expect(await codeOf({ port, path: '/no', headers })).toBe('HTTP 401');
});

it('verifies the certificate by the given authority and name, and tells its fingerprint', async () => {
  const port = await listen(https((_, response) => response.end('pong')));
  const { ca, cert } = certificates;
  const fingerprint = new X509Certificate(cert).fingerprint256;
  for (const servername of ['lb.example.com', '127.0.0.1']) {
    const response = await exchange(dial, { port, path: '/ping', tls: { servername, ca } });
    expect(response).toMatchObject({ body: 'pong', certificateFingerprint: fingerprint });
  }
  expect(await codeOf({ port, path: '/', tls: { servername: 'other.example.com', ca } })).toMatch(
    /^TLS — GET https:\/\/other.example.com:\d+\/: the certificate is not for other.example.com;/,
  );
  expect(await codeOf({ port, path: '/', tls: { servername: 'lb.example.com' } })).toContain('authority');
  const insecure = await exchange(dial, {
    port,
    path: '/',
    tls: { servername: 'other.example.com', insecure: true },
  });
  expect(insecure.certificateFingerprint).toBe(fingerprint);
});

it('says what happened when there is no HTTP answer', async () => {
  const silent = await listen(createTcp());
  expect(await codeOf({ port: silent, path: '/', timeoutMs: 50 })).toMatch(
    /^CONN_TIMEOUT .*no answer within 0.05 s/,
  );
  const tls = { servername: 'x.example.com' };
  expect(await codeOf({ port: silent, path: '/', timeoutMs: 50, tls })).toMatch(/^CONN_TIMEOUT/);
  const closing = await listen(createTcp((socket) => socket.destroy()));
  expect(await codeOf({ port: closing, path: '/' })).toMatch(/^CONN_LOST/);
  expect(await codeOf({ port: closing, path: '/', tls })).toMatch(/^CONN_LOST/);
  const rubbish = await listen(createTcp((socket) => socket.end('SSH-2.0-OpenSSH\r\n')));
  expect(await codeOf({ port: rubbish, path: '/' })).toMatch(/^CONN_LOST .*no HTTP answer/);
});
