import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect as tlsConnect, type TLSSocket } from 'node:tls';
import { ProvisionError } from '../core/errors.ts';
import type { HttpRequest, HttpResponse } from '../core/host.ts';

const maxBodyBytes = 64 * 1024;

/** Opens a TCP connection as seen from the host. */
export type Dial = (address: string, port: number, timeoutMs: number) => Promise<Duplex>;

/**
 * One HTTP exchange over a connection that starts at the host. Redirects are answers, not followed.
 * @throws ProvisionError `CONN_REFUSED`, `CONN_TIMEOUT` or `CONN_LOST` without an HTTP answer, `TLS` when there is no trust
 */
export async function exchange(dial: Dial, request: HttpRequest): Promise<HttpResponse> {
  const { address = '127.0.0.1', port, timeoutMs = 10_000 } = request;
  const deadline = Date.now() + timeoutMs;
  const socket = await dial(address, port, timeoutMs);
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const late = () => reject(failure('CONN_TIMEOUT', request, `no answer within ${timeoutMs / 1000} s`));
    timer = setTimeout(late, Math.max(1, deadline - Date.now()));
  });
  try {
    return await Promise.race([tooLate, converse(socket, request)]);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function converse(socket: Duplex, request: HttpRequest): Promise<HttpResponse> {
  // A socket that dies while nobody listens would end the process.
  socket.on('error', () => undefined);
  if (!request.tls) return converseHttp(socket, request);
  const secure = await startTls(socket, request, request.tls);
  const { fingerprint256 } = secure.getPeerCertificate();
  return { ...(await converseHttp(secure, request)), certificateFingerprint: fingerprint256 };
}

function startTls(
  socket: Duplex,
  request: HttpRequest,
  tls: NonNullable<HttpRequest['tls']>,
): Promise<TLSSocket> {
  const { servername, ca, insecure = false } = tls;
  return new Promise((resolve, reject) => {
    const secure = tlsConnect({
      socket,
      // An IP address is not allowed as a name in the handshake, but certificates may well be for one.
      servername: isIP(servername) ? '' : servername,
      ...(ca !== undefined && { ca }),
      rejectUnauthorized: !insecure,
      checkServerIdentity: (_, certificate) => checkServerIdentity(servername, certificate),
    });
    secure.once('secureConnect', () => resolve(secure));
    secure.on('error', (error: NodeJS.ErrnoException) => reject(tlsFailure(error, request, servername)));
    secure.once('close', () =>
      reject(failure('CONN_LOST', request, 'the connection closed during the TLS handshake')),
    );
  });
}

function converseHttp(socket: Duplex, request: HttpRequest): Promise<HttpResponse> {
  const { address = '127.0.0.1', port, method = 'GET', path, headers } = request;
  const host = request.tls?.servername ?? (isIP(address) === 6 ? `[${address}]` : address);
  const standard = port === (request.tls ? 443 : 80);
  return new Promise((resolve, reject) => {
    const client: ClientRequest = httpRequest({
      createConnection: () => socket,
      method,
      path,
      setHost: false,
      headers: { Host: standard ? host : `${host}:${port}`, Connection: 'close', ...headers },
    });
    client.on(
      'response',
      (response) => void readBody(response).then((body) => resolve(answer(response, body)), reject),
    );
    client.on('upgrade', (response) => resolve(answer(response, '')));
    client.on('error', (error) => reject(failure('CONN_LOST', request, `no HTTP answer: ${error.message}`)));
    client.end();
  });
}

function answer(response: IncomingMessage, body: string): HttpResponse {
  const headers = Object.entries(response.headersDistinct).map(([name, values]) => [
    name,
    (values ?? []).join(', '),
  ]);
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers) as Record<string, string>,
    body,
  };
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size >= maxBodyBytes) break;
    }
  } catch {
    // A body that ends early is still an answer: status and headers have arrived.
  }
  return Buffer.concat(chunks).subarray(0, maxBodyBytes).toString('utf8');
}

const tlsCauses: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet (or a clock is wrong)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'the chain is not complete: an issuer is missing',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the chain does not lead to a trusted authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the chain is not complete, or its authority is not trusted',
};

function tlsFailure(error: NodeJS.ErrnoException, request: HttpRequest, servername: string): ProvisionError {
  if (error.code === 'ECONNRESET')
    return failure('CONN_LOST', request, 'the connection closed during the TLS handshake');
  const known =
    error.code !== undefined && Object.hasOwn(tlsCauses, error.code) ? tlsCauses[error.code] : undefined;
  const isName = error.code === 'ERR_TLS_CERT_ALTNAME_INVALID';
  const cause = isName ? `the certificate is not for ${servername}` : (known ?? error.message.trim());
  return new ProvisionError(
    {
      code: 'TLS',
      happened: `${describeRequest(request)}: ${cause}`,
      remedy: 'check which certificate is served, and which authority is expected',
      detail: error.message.slice(0, 1000),
    },
    { cause: error },
  );
}

function failure(code: 'CONN_TIMEOUT' | 'CONN_LOST', request: HttpRequest, why: string): ProvisionError {
  return new ProvisionError({ code, happened: `${describeRequest(request)}: ${why}` });
}

/** A request for people: `GET https://rancher.example.com/ping`. */
export function describeRequest({
  address = '127.0.0.1',
  port,
  method = 'GET',
  path,
  tls,
}: HttpRequest): string {
  const scheme = tls ? 'https' : 'http';
  const host = tls?.servername ?? (isIP(address) === 6 ? `[${address}]` : address);
  const shown = port === (tls ? 443 : 80) ? host : `${host}:${port}`;
  return `${method} ${scheme}://${shown}${path}`;
}
