import { spawn, type ChildProcess } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildStandIn } from '../stand-in/build.ts';
import { createCertificateAuthority, issueCertificate } from '../stand-in/certificates.ts';
import { parseRelease } from '../stand-in/release.ts';
import { testToken } from '../stand-in/web.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stand-in-'));
const program = join(scratch, 'rancher.mjs');
const running: ChildProcess[] = [];
let roots = 0;

beforeAll(async () => writeFileSync(program, await buildStandIn()));
afterEach(() => running.splice(0).forEach((child) => child.kill('SIGKILL')));
afterAll(() => rmSync(scratch, { recursive: true }));

const https = { 'x-forwarded-proto': 'https' };
const withToken = { ...https, authorization: `Bearer ${testToken}` };

describe('what it refuses to start with', () => {
  it('a missing --privileged from 2.5 on, in the words of the entrypoint', async () => {
    const { code, log } = await runToEnd({ tag: 'v2.8.5-fast', privileged: false });
    expect(code).toBe(1);
    expect(log).toContain(
      'ERROR: Rancher must be ran with the --privileged flag when running outside of Kubernetes',
    );
  });

  it('nothing of the sort before 2.5', async () => {
    const rancher = await start({ tag: 'v2.4.18-fast', privileged: false });
    expect((await rancher.get('/ping')).body).toBe('pong');
  });

  it.each([
    ['unknown flags', ['--no-such-flag'], {}, 'flag provided but not defined: -no-such-flag'],
    [
      '--add-local=false',
      ['--add-local', 'false'],
      {},
      `[FATAL] add-local flag must be set to 'true' or 'auto'`,
    ],
    ['a certificate without its key', [], { cert: 'x' }, '(one is missing)'],
    [
      'a certificate without any word on the CA',
      [],
      { cert: 'x', key: 'x' },
      'do not use both at the same time',
    ],
    ['cacerts and --no-cacerts', ['--no-cacerts'], { cacerts: 'x' }, 'do not use both at the same time'],
  ])('%s', async (_, args, files, message) => {
    const { code, log } = await runToEnd({ tag: 'v2.8.5-fast', args, files });
    expect(code).toBe(1);
    expect(log).toContain(message);
  });

  it('a directory in place of cacerts.pem', async () => {
    const root = newRoot({});
    mkdirSync(join(root, 'etc/rancher/ssl/cacerts.pem'), { recursive: true });
    const { code, log } = await runToEnd({ tag: 'v2.8.5-fast', root });
    expect(code).toBe(1);
    expect(log).toContain('[FATAL] read /etc/rancher/ssl/cacerts.pem: is a directory');
  });

  it('an audit switch that the release does not have yet', async () => {
    expect((await runToEnd({ tag: 'v2.8.5-fast', args: ['--enable-audit-log'] })).code).toBe(1);
  });
});

describe('its start', () => {
  it('refuses connections until it is ready, and logs in the order of the real one', async () => {
    const { log, get } = await start({ tag: 'v2.8.5', waitUntilReady: false });
    await log.until('Waiting for server to become available');
    await expect(get('/ping')).rejects.toThrow('ECONNREFUSED');
    await log.until('Rancher startup complete');
    const order = [
      'is starting',
      'Rancher arguments',
      'Waiting for server',
      'Listening on',
      'startup complete',
    ];
    const positions = order.map((text) => log.text().indexOf(text));
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    expect((await get('/ping')).body).toBe('pong');
  });

  it('ends quickly when it is told to', async () => {
    const { child } = await start({ tag: 'v2.8.5-fast' });
    const asked = Date.now();
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(Date.now() - asked).toBeLessThan(10_000);
  });

  it('ends in the variant that crashes, and never opens a port in the one that hangs', async () => {
    const crashed = await runToEnd({ tag: 'v2.8.5-crash' });
    expect(crashed.code).toBe(1);
    expect(crashed.log).toContain('[FATAL]');
    const { log, get, child } = await start({ tag: 'v2.8.5-hang', waitUntilReady: false });
    await log.until('Waiting for server');
    await expect(get('/ping')).rejects.toThrow('ECONNREFUSED');
    expect(child.exitCode).toBeNull();
  });

  it('answers 404 to everything in the variant that is not ready behind an open port', async () => {
    const { get } = await start({ tag: 'v2.12.3-404' });
    expect((await get('/ping')).status).toBe(404);
  });
});

describe('the plain port', () => {
  it('sends everything but health checks to HTTPS, unless the balancer says that it came encrypted', async () => {
    const { get, httpPort } = await start({ tag: 'v2.8.5-fast' });
    const redirect = await get('/v3?x=1', { host: 'rancher.example.test:8080' });
    expect(redirect.status).toBe(302);
    expect(redirect.headers.location).toBe('https://rancher.example.test:8443/v3?x=1');
    expect((await get('/v3', { host: 'rancher.example.test:80' })).headers.location).toContain('.test:443/');
    expect((await get('/v3', { host: 'rancher.example.test' })).headers.location).toBe(
      'https://rancher.example.test/v3',
    );
    expect((await get('/healthz')).body).toBe('ok');
    expect((await get('/v3', https)).status).toBe(401);
    expect((await get('/v3', { 'x-forwarded-proto': 'wss' })).status).toBe(401);
    expect((await get('/v3', { 'x-forwarded-proto': 'HTTPS' })).status).toBe(302);
    const post = await fetch(`http://127.0.0.1:${httpPort}/v3`, { method: 'POST' });
    expect([post.status, (await post.text()).trim()]).toEqual([400, 'Use HTTPS']);
  });
});

describe('the API', () => {
  it('asks for authentication, and shows what the balancer sent', async () => {
    const { get } = await start({ tag: 'v2.8.5-fast' });
    const refused = await get('/v3', https);
    expect(refused.json()).toEqual({ type: 'error', status: '401', message: 'must authenticate' });
    expect(refused.headers['x-content-type-options']).toBe('nosniff');
    expect(refused.headers['cache-control']).toBe('no-cache, no-store, must-revalidate');
    expect((await get('/v3/clusters', https)).status).toBe(401);
    expect((await get('/v3', withToken)).status).toBe(200);
    const echo = (await get('/stand-in/echo', { ...https, 'x-forwarded-port': '443' })).json();
    expect(echo.headers['x-forwarded-port']).toBe('443');
  });

  it.each([
    ['v2.4.18-fast', 404, 200, 404],
    ['v2.6.14-fast', 404, 302, 200],
    ['v2.12.3-fast', 200, 302, 200],
  ])('has the pages of its release: %s', async (tag, version, root, cacerts) => {
    const { get } = await start({ tag });
    const statusOf = async (path: string) => (await get(path, https)).status;
    expect([await statusOf('/rancherversion'), await statusOf('/'), await statusOf('/cacerts')]).toEqual([
      version,
      root,
      cacerts,
    ]);
  });

  it('publishes the CA that was mounted, trimmed; none for a recognised CA; its own otherwise', async () => {
    const authority = createCertificateAuthority().certificate;
    const mounted = await start({ tag: 'v2.8.5-fast', files: { cacerts: `\n${authority}\n\n` } });
    const setting = (await mounted.get('/v3/settings/cacerts', { ...https, host: 'r.test' })).json();
    expect(setting).toMatchObject({ id: 'cacerts', value: authority });
    expect(setting.links.self).toBe('https://r.test/v3/settings/cacerts');
    const recognised = await start({ tag: 'v2.8.5-fast', args: ['--no-cacerts'] });
    expect((await recognised.get('/v3/settings/cacerts', https)).json().value).toBe('');
    const own = await start({ tag: 'v2.8.5-fast' });
    const value = (await own.get('/v3/settings/cacerts', https)).json().value;
    expect(new X509Certificate(value).subject).toContain('dynamiclistener-ca');
  });

  it('reads settings from the environment', async () => {
    const environment = { CATTLE_SYSTEM_DEFAULT_REGISTRY: 'registry:5000' };
    const { get } = await start({ tag: 'v2.8.5-fast', environment });
    expect((await get('/v3/settings/system-default-registry', https)).status).toBe(401);
    const setting = (await get('/v3/settings/system-default-registry', withToken)).json();
    expect(setting.value).toBe('registry:5000');
  });
});

describe('the encrypted port', () => {
  it('issues a certificate for the name that it is called by, and speaks HTTP/2 from 2.5 on', async () => {
    const rancher = await start({ tag: 'v2.8.5-fast' });
    const ca = (await rancher.get('/v3/settings/cacerts', https)).json().value;
    const served = await getEncrypted(rancher.httpsPort, { ca, servername: 'rancher.example.test' });
    expect(served).toMatchObject({ body: 'pong', authorized: true });
    expect(served.names).toBe('DNS:rancher.example.test');
    expect(await http2Status(rancher.httpsPort, '/v3')).toBe(401);
    const older = await start({ tag: 'v2.4.18-fast' });
    await expect(http2Status(older.httpsPort, '/v3')).rejects.toThrow();
  });

  it('serves the certificate that was mounted', async () => {
    const authority = createCertificateAuthority();
    const leaf = issueCertificate(authority, 'own.example.test');
    const files = { cert: leaf.certificate, key: leaf.key, cacerts: authority.certificate };
    const { httpsPort } = await start({ tag: 'v2.8.5-fast', files });
    const served = await getEncrypted(httpsPort, {
      ca: authority.certificate,
      servername: 'own.example.test',
    });
    expect(served).toMatchObject({ body: 'pong', authorized: true });
  });
});

describe('WebSockets', () => {
  it('are echoed for a token, and refused without one or from a foreign page', async () => {
    const { httpPort } = await start({ tag: 'v2.8.5-fast' });
    expect(await handshake(httpPort, '/v3/connect', withToken)).toBe('101 hello');
    expect(await handshake(httpPort, '/v3/subscribe?sockId=1', withToken)).toBe('101 hello');
    expect(await handshake(httpPort, '/v3/connect', https)).toBe('401');
    expect(await handshake(httpPort, '/v3/connect', {})).toBe('302');
    const browser = { ...withToken, 'user-agent': 'Mozilla/5.0', host: 'rancher.test' };
    expect(await handshake(httpPort, '/v3/subscribe', { ...browser, origin: 'https://evil.test' })).toBe(
      '403',
    );
    expect(await handshake(httpPort, '/v3/subscribe', { ...browser, origin: 'https://rancher.test' })).toBe(
      '101 hello',
    );
  });
});

describe('its data', () => {
  it('outlives a replacement: the first bootstrap password stays, the cluster is reset', async () => {
    const root = newRoot({});
    const first = await start({
      tag: 'v2.8.5-fast',
      root,
      environment: { CATTLE_BOOTSTRAP_PASSWORD: 'first-password' },
    });
    expect(first.log.text()).not.toContain('Bootstrap Password:');
    expect(await login(first.httpPort, 'first-password')).toBe(201);
    first.child.kill('SIGTERM');
    await once(first.child, 'exit');
    const second = await start({
      tag: 'v2.9.0-fast',
      root,
      environment: { CATTLE_BOOTSTRAP_PASSWORD: 'other' },
    });
    expect(second.log.text()).toContain('INFO: Running k3s server --cluster-init --cluster-reset');
    expect(await login(second.httpPort, 'other')).toBe(401);
    expect(await login(second.httpPort, 'first-password')).toBe(201);
  });

  it('prints a generated bootstrap password, and has none before 2.6', async () => {
    const { log, httpPort } = await start({ tag: 'v2.6.0-fast' });
    const password = /Bootstrap Password: (\w+)/.exec(log.text())?.[1] ?? '';
    expect(await login(httpPort, password)).toBe(201);
    const older = await start({ tag: 'v2.5.17-fast' });
    expect(older.log.text()).not.toContain('Bootstrap Password:');
    expect(await login(older.httpPort, 'admin')).toBe(201);
  });

  it('refuses releases out of reach only where a test asks for it', async () => {
    const root = newRoot({});
    const ended = async (tag: string) => (await runToEnd({ tag, root, args: ['--no-such-flag'] })).log;
    await ended('v2.8.5-fast');
    expect(await ended('v2.6.0-fast')).not.toContain('newer release');
    await ended('v2.8.5-fast');
    writeFileSync(join(root, 'var/lib/rancher/stand-in.strict'), '');
    expect(await ended('v2.7.0-fast')).toContain(
      '[FATAL] the data was written by the newer release v2.8.5-fast',
    );
    expect(await ended('v2.10.0-fast')).toContain(
      '[FATAL] the data of v2.8.5-fast is more than one minor release old',
    );
    expect(await ended('v2.9.0-fast')).not.toContain('[FATAL]');
  });
});

describe('the audit log', () => {
  const file = 'var/log/auditlog/rancher-api-audit.log';

  it.each([
    ['v2.8.5-fast', {}, false],
    ['v2.8.5-fast', { AUDIT_LEVEL: '1' }, true],
    ['v2.12.3-fast', { AUDIT_LEVEL: '1' }, false],
    ['v2.12.3-fast', { AUDIT_LEVEL: '1', AUDIT_LOG_ENABLED: 'true' }, true],
  ])('is on by the rule of the release: %s with %o', async (tag, environment, expected) => {
    const root = newRoot({});
    const { get } = await start({ tag, root, environment });
    await get('/ping');
    await get('/v3/settings/cacerts', https);
    expect(existsSync(join(root, file))).toBe(false);
    await get('/v3/clusters', https);
    expect(existsSync(join(root, file))).toBe(expected);
  });

  it('holds what its level asks for, one JSON object a line', async () => {
    const root = newRoot({});
    const { httpPort } = await start({ tag: 'v2.8.5-fast', root, environment: { AUDIT_LEVEL: '2' } });
    await login(httpPort, 'wrong');
    const [line = ''] = readFileSync(join(root, file), 'utf8').split('\n');
    expect(JSON.parse(line)).toMatchObject({
      method: 'POST',
      responseCode: 401,
      requestURI: '/v3-public/localProviders/local?action=login',
      requestBody: '{"username":"admin","password":"wrong"}',
    });
    expect(line).not.toContain('responseBody');
  });
});

describe('parseRelease', () => {
  it('refuses what is no release', () => {
    expect(() => parseRelease('latest')).toThrow('is no release');
    expect(() => parseRelease('v2.8.5-typo')).toThrow('-crash');
  });
});

interface Start {
  tag: string;
  args?: string[];
  environment?: Record<string, string>;
  files?: { cert?: string; key?: string; cacerts?: string };
  privileged?: boolean;
  root?: string;
  waitUntilReady?: boolean;
}

function newRoot({ files = {}, privileged = true }: Pick<Start, 'files' | 'privileged'>): string {
  const root = join(scratch, `root-${(roots += 1)}`);
  mkdirSync(join(root, 'etc/rancher/ssl'), { recursive: true });
  mkdirSync(join(root, 'dev'));
  if (privileged) writeFileSync(join(root, 'dev/kmsg'), '');
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(root, `etc/rancher/ssl/${name}.pem`), content);
  return root;
}

function launch(options: Start, ports: string[]): ChildProcess {
  const { tag, args = [], environment = {}, root = newRoot(options) } = options;
  const env = { CATTLE_SERVER_VERSION: tag, STAND_IN_ROOT: root, ...environment };
  const child = spawn(process.execPath, [program, ...args, ...ports], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  return child;
}

async function runToEnd(options: Start): Promise<{ code: number | null; log: string }> {
  const child = launch(options, []);
  const log = listen(child);
  await once(child, 'close');
  return { code: child.exitCode, log: log.text() };
}

async function start(options: Start) {
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const child = launch(options, [
    '--http-listen-port',
    String(httpPort),
    '--https-listen-port',
    String(httpsPort),
  ]);
  const log = listen(child);
  if (options.waitUntilReady ?? true) await log.until('Rancher startup complete');
  return {
    child,
    log,
    httpPort,
    httpsPort,
    get: (path: string, headers = {}) => get(httpPort, path, headers),
  };
}

function listen(child: ChildProcess) {
  let text = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      listeners.forEach((listener) => listener());
    });
  }
  const until = (wanted: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => text.includes(wanted) && resolve();
      listeners.add(check);
      child.on('close', () => reject(new Error(`ended without "${wanted}":\n${text}`)));
      check();
    });
  return { text: () => text, until };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Reply {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: string;
  json: () => Setting & Echo;
}

interface Setting {
  id: string;
  value: string;
  links: { self: string };
}

interface Echo {
  headers: Record<string, string>;
}

function get(port: number, path: string, headers: Record<string, string>): Promise<Reply> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body,
          json: () => JSON.parse(body) as Setting & Echo,
        });
      });
    })
      .on('error', reject)
      .end();
  });
}

async function login(port: number, password: string): Promise<number> {
  const body = JSON.stringify({ username: 'admin', password });
  const path = '/v3-public/localProviders/local?action=login';
  return (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers: https })).status;
}

function getEncrypted(port: number, { ca, servername }: { ca: string; servername: string }) {
  return new Promise<{ body: string; authorized: boolean; names: string | undefined }>((resolve, reject) => {
    httpsRequest({ host: '127.0.0.1', port, path: '/ping', ca, servername, agent: false }, (response) => {
      const { authorized, names } = peerOf(response);
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ body, authorized, names }));
    })
      .on('error', reject)
      .end();
  });
}

function peerOf({ socket }: IncomingMessage) {
  if (!(socket instanceof TLSSocket)) throw new Error('not encrypted');
  return { authorized: socket.authorized, names: socket.getPeerCertificate().subjectaltname };
}

function http2Status(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    session.on('error', reject);
    const stream = session.request({ ':path': path });
    stream.on('error', reject);
    stream.on('response', (headers) => {
      resolve(Number(headers[':status']));
      session.destroy();
    });
  });
}

/** The status of a handshake, and what came back for `hello`. */
function handshake(port: number, path: string, headers: Record<string, string>): Promise<string> {
  const upgradeHeaders = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  return new Promise((resolve, reject) => {
    httpRequest({
      host: '127.0.0.1',
      port,
      path,
      headers: { ...headers, ...upgradeHeaders, ...key },
      agent: false,
    })
      .on('response', (response) => resolve(String(response.statusCode)))
      .on('upgrade', (response, socket) => {
        // The accept value for this key is the example of RFC 6455.
        expect(response.headers['sec-websocket-accept']).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
        socket.on('data', (frame: Buffer) => {
          resolve(`${response.statusCode} ${frame.subarray(2).toString()}`);
          socket.destroy();
        });
        // A text frame, masked with zeros, which leave the payload as it is.
        socket.write(Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), Buffer.from('hello')]));
      })
      .on('error', reject)
      .end();
  });
}
