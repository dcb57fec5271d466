import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Greeting } from './ssh-server-options.ts';

/** Says what is said in place of SSH, and keeps the line open afterwards, where a server of that kind would. */
export function greet(socket: Socket, greeting: Greeting): void {
  socket.on('error', () => undefined);
  // Unread bytes would make the end of the connection a reset.
  socket.resume();
  if (greeting === 'endless-lines') return void sayForEver(socket, `${'welcome '.repeat(30)}\r\n`.repeat(50));
  if (greeting === 'silence') return;
  socket.write(words[greeting]());
  if (greeting === 'http' || greeting === 'busy') socket.end();
}

const words: Record<Exclude<Greeting, 'silence' | 'endless-lines'>, () => string | Buffer> = {
  'version-then-silence': () => 'SSH-2.0-OpenSSH_9.2\r\n',
  http: () =>
    'HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n\r\n<html>400 Bad Request</html>\r\n',
  garbage: () => randomBytes(4096),
  'long-line': () => Buffer.alloc(1024 * 1024, 'x'),
  busy: () => 'Exceeded MaxStartups\r\n',
};

/** Writes as fast as it is read. */
export function sayForEver(
  stream: NodeJS.WritableStream & { readonly destroyed?: boolean },
  text: string,
): void {
  const piece = Buffer.from(text);
  const more = () => {
    for (let room = true; room && stream.writable && !stream.destroyed;) room = stream.write(piece);
  };
  stream.on('drain', more);
  more();
}
