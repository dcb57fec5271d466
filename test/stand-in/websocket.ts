import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { isAuthenticated, redirectToHttps, type Site, type WebRequest } from './web.ts';

const paths = /^\/(v3\/connect(\/register)?|v[13]\/subscribe|k8s\/clusters\/[^/]+\/.*)$/;

const opcodes = { text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa };

/** Takes over a connection that asks to become a WebSocket, and sends back what it hears for as long as it lasts. */
export function upgrade(request: WebRequest, socket: Duplex, site: Site): void {
  const refusal = refuse(request, site);
  socket.on('error', () => socket.destroy());
  if (refusal !== undefined) {
    const body = `${refusal.message}\n`;
    const head = [`HTTP/1.1 ${refusal.status}`, 'Content-Type: text/plain', `Content-Length: ${body.length}`];
    socket.end([...head, ...(refusal.headers ?? []), 'Connection: close', '', body].join('\r\n'));
    return;
  }
  const proof = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write([...head, `Sec-WebSocket-Accept: ${proof}`, '', ''].join('\r\n'));
  echo(socket);
}

function refuse(
  request: WebRequest,
  site: Site,
): { status: string; message: string; headers?: string[] } | undefined {
  const redirect = redirectToHttps(request);
  if (redirect) {
    return {
      status: '302 Found',
      message: 'Found',
      headers: [`Location: ${redirect.headers['location'] ?? ''}`],
    };
  }
  if (!paths.test(request.path)) return { status: '404 Not Found', message: '404 page not found' };
  if (isForeignOrigin(request)) return { status: '403 Forbidden', message: 'origin not allowed' };
  if (!isAuthenticated(request, site)) return { status: '401 Unauthorized', message: 'must authenticate' };
  if (!request.headers['sec-websocket-key']) return { status: '400 Bad Request', message: 'Bad Request' };
  return undefined;
}

// Only browsers send an origin that can be trusted to be the page's.
function isForeignOrigin({ headers, host }: WebRequest): boolean {
  const origin = headers['origin'];
  if (origin === undefined || !/mozilla/i.test(headers['user-agent'] ?? '')) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}

function echo(socket: Duplex): void {
  let buffered: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    for (let frame = readFrame(buffered); frame !== undefined; frame = readFrame(buffered)) {
      buffered = buffered.subarray(frame.size);
      respond(socket, frame);
    }
  });
}

interface Frame {
  opcode: number;
  payload: Buffer;
  /** Of the whole frame, in bytes. */
  size: number;
}

function respond(socket: Duplex, { opcode, payload }: Frame): void {
  if (opcode === opcodes.pong) return;
  socket.write(writeFrame(opcode === opcodes.ping ? opcodes.pong : opcode, payload));
  if (opcode === opcodes.close) socket.end();
}

function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const maskAt = 2 + extended;
  if (bytes.length < maskAt + 4) return undefined;
  const length =
    extended === 2 ? bytes.readUInt16BE(2) : extended === 8 ? Number(bytes.readBigUInt64BE(2)) : short;
  const size = maskAt + 4 + length;
  if (bytes.length < size) return undefined;
  const mask = bytes.subarray(maskAt, maskAt + 4);
  const payload = Buffer.from(bytes.subarray(maskAt + 4, size)).map(
    (byte, index) => byte ^ (mask[index % 4] ?? 0),
  );
  return { opcode: bytes.readUInt8(0) & 0x0f, payload: Buffer.from(payload), size };
}

function writeFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode]), writeLength(payload.length), payload]);
}

function writeLength(length: number): Buffer {
  if (length < 126) return Buffer.from([length]);
  const isShort = length < 0x10000;
  const bytes = Buffer.alloc(isShort ? 3 : 9);
  bytes.writeUInt8(isShort ? 126 : 127, 0);
  if (isShort) bytes.writeUInt16BE(length, 1);
  else bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}
