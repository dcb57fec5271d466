import type { Writable } from 'node:stream';

/**
 * Lets a socket hand what is written to it in one turn of the event loop to the kernel at once. ssh2 writes each packet in three
 * parts; without this they are three system calls, three packets on the line, and three wake-ups of sshd.
 */
export function gatherWrites<Socket extends Writable>(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let isGathering = false;
  const gathering = (...args: unknown[]): boolean => {
    if (!isGathering) {
      isGathering = true;
      socket.cork();
      process.nextTick(() => {
        isGathering = false;
        socket.uncork();
      });
    }
    return write(...args);
  };
  socket.write = gathering;
  return socket;
}
