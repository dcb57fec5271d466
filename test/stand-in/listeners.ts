import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createSecureServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { AuditLog } from './audit.ts';
import { issueCertificate, type Certificate } from './certificates.ts';
import type { CommandLine } from './command-line.ts';
import type { TlsFiles } from './tls-files.ts';
import { upgrade } from './websocket.ts';
import { answer, type Site, type WebAnswer, type WebRequest } from './web.ts';

/** How long a start of the variant `-404` answers nothing else. */
const notFoundMs = 10_000;

const commonHeaders = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache, no-store, must-revalidate',
};

/** Opens port 443, then port 80, and resolves when both listen. */
export async function openListeners(
  site: Site,
  { httpPort, httpsPort }: CommandLine,
  tls: TlsFiles,
  audit: AuditLog,
): Promise<void> {
  const openedAt = Date.now();
  const missing = () => site.release.behaviour === 'not-found' && Date.now() - openedAt < notFoundMs;
  const respond = (
    message: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ) => {
    const since = new Date();
    const answered = receive(message).then((request) => {
      const reply = missing()
        ? { status: 404, headers: {}, body: '404 page not found\n' }
        : answer(request, site);
      audit(request, reply, `${message.socket.remoteAddress}:${message.socket.remotePort}`, since);
      send(response, reply);
    });
    answered.catch(() => message.destroy()); // the client went away
  };
  const takeOver = (message: IncomingMessage, socket: Duplex) => upgrade(describe(message), socket, site);
  const identity = tlsIdentity(tls, site.state.certificateAuthority);
  const secure = site.release.speaksHttp2
    ? createHttp2Server({ ...identity, allowHTTP1: true }, respond)
    : createHttpsServer(identity, respond);
  await listen(secure.on('upgrade', takeOver), httpsPort);
  await listen(createServer(respond).on('upgrade', takeOver), httpPort);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, () => {
      console.error(logLine('INFO', `Listening on :${port}`));
      resolve();
    });
  });
}

// Without a mounted certificate Rancher issues one for each name that it is called by.
function tlsIdentity({ served }: TlsFiles, authority: Certificate) {
  if (served !== undefined) return { cert: served.certificate, key: served.key };
  const contexts = new Map<string, SecureContext>();
  const unnamed = chain(issueCertificate(authority, 'localhost'), authority);
  return {
    ...unnamed,
    SNICallback: (name: string, done: (problem: Error | null, context?: SecureContext) => void) => {
      const context =
        contexts.get(name) ?? createSecureContext(chain(issueCertificate(authority, name), authority));
      contexts.set(name, context);
      done(null, context);
    },
  };
}

function chain(leaf: Certificate, authority: Certificate): { cert: string; key: string } {
  return { cert: `${leaf.certificate}\n${authority.certificate}\n`, key: leaf.key };
}

async function receive(message: IncomingMessage | Http2ServerRequest): Promise<WebRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return describe(message, Buffer.concat(chunks).toString('utf8'));
}

function describe(message: IncomingMessage | Http2ServerRequest, body = ''): WebRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = String(value);
  }
  const uri = message.url ?? '/';
  return {
    method: message.method ?? 'GET',
    uri,
    path: uri.replace(/[?#].*$/s, ''),
    host: headers[':authority'] ?? headers['host'] ?? '',
    headers,
    body,
    encrypted: 'encrypted' in message.socket,
  };
}

function send(response: ServerResponse | Http2ServerResponse, { status, headers, body }: WebAnswer): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries({ ...commonHeaders, ...headers }))
    response.setHeader(name, value);
  response.end(body);
}

/** One line as Rancher logs it. */
export function logLine(level: 'INFO' | 'FATAL', message: string): string {
  const now = new Date().toISOString();
  return `${now.slice(0, 10).replaceAll('-', '/')} ${now.slice(11, 19)} [${level}] ${message}`;
}
