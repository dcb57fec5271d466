import type { Socket } from 'node:net';
import type { Fault, FaultDirection } from './fault.ts';

const usualWindowBytes = 256 * 1024;
/** Is not due before the blackhole is gone. */
const held = Infinity;

interface Way {
  readonly direction: FaultDirection;
  readonly from: Socket;
  readonly to: Socket;
  /** Held back by a blackhole, or on its way over a slow line. */
  readonly queue: { readonly chunk: Buffer; readonly due: number }[];
  timer?: NodeJS.Timeout | undefined;
  /** Bytes of it. */
  queued: number;
  windowBytes: number;
  /** When the last piece of a slow line has left. */
  free: number;
  ended: boolean;
}

type Striking = Extract<Fault, { afterBytes: number }>;

/** One connection through a fault proxy: two sockets, and what happens between them. */
export class FaultyPair {
  readonly traffic: Record<FaultDirection, number> = { toServer: 0, toClient: 0 };
  readonly #ways: readonly [Way, Way];
  readonly #currentFault: () => Fault;
  readonly #spend: () => void;
  /** A blackhole has swallowed this connection: both directions, or one. */
  #swallowed: FaultDirection | 'both' | undefined;
  #cut = false;

  constructor(near: Socket, far: Socket, currentFault: () => Fault, spend: () => void) {
    this.#currentFault = currentFault;
    this.#spend = spend;
    this.#ways = [wayOf('toServer', near, far), wayOf('toClient', far, near)];
    for (const way of this.#ways) {
      way.from.on('error', () => undefined);
      way.from.on('data', (chunk) => this.#arrived(way, chunk));
      way.to.on('drain', () => this.#isSwallowed(way) || way.from.resume());
      way.from.on('end', () => {
        way.ended = true;
        this.#hangUp(way);
      });
      way.from.on('close', (hadError) => hadError && !this.#swallowed && way.to.resetAndDestroy());
    }
  }

  onEnd(listener: () => void): void {
    const [{ from: near, to: far }] = this.#ways;
    let open = 2;
    for (const socket of [near, far]) socket.on('close', () => --open === 0 && listener());
  }

  /** What is held back goes on its way. */
  heal(): void {
    this.#swallowed = undefined;
    for (const way of this.#ways) {
      clearTimeout(way.timer);
      way.timer = undefined;
      way.free = 0;
      way.queued = 0;
      for (const { chunk, due } of way.queue.splice(0)) {
        if (due === held) this.#arrived(way, chunk);
        else send(way, chunk);
      }
      if (!this.#isSwallowed(way)) way.from.resume();
      if (way.ended) this.#hangUp(way);
    }
  }

  reset(): void {
    for (const { from } of this.#ways) from.resetAndDestroy();
  }

  destroy(): void {
    for (const way of this.#ways) {
      clearTimeout(way.timer);
      way.from.destroy();
    }
  }

  #arrived(way: Way, chunk: Buffer): void {
    if (this.#cut) return;
    if (this.#isSwallowed(way)) this.#hold(way, chunk);
    else this.#pass(way, chunk);
  }

  #pass(way: Way, chunk: Buffer): void {
    const fault = this.#currentFault();
    const place = 'direction' in fault ? fault.direction : undefined;
    const at = place ? this.traffic[place] : this.traffic.toServer + this.traffic.toClient;
    const concerned = place === undefined || place === way.direction;
    if ('afterBytes' in fault && concerned && at + chunk.length >= fault.afterBytes)
      return void this.#strike(fault, way, chunk, Math.max(0, fault.afterBytes - at));
    this.traffic[way.direction] += chunk.length;
    if (fault.kind === 'flip' && concerned && at <= fault.atByte && fault.atByte < at + chunk.length) {
      if (fault.once) this.#spend();
      return void send(way, flipped(chunk, fault.atByte - at));
    }
    if (fault.kind === 'tamper') return void send(way, fault.change(chunk, at, way.direction));
    if (fault.kind === 'slow') return void this.#delay(way, chunk, fault);
    send(way, chunk);
  }

  /** What comes before the place of the fault still arrives. */
  #strike(fault: Striking, way: Way, chunk: Buffer, head: number): void {
    this.traffic[way.direction] += fault.kind === 'blackhole' ? head : chunk.length;
    if (head > 0) send(way, chunk.subarray(0, head));
    if (fault.kind === 'cut') {
      this.#cut = true;
      for (const { from } of this.#ways) from.end();
    }
    if (fault.kind === 'reset') this.reset();
    if (fault.kind === 'blackhole') {
      this.#swallowed = fault.direction ?? 'both';
      for (const other of this.#ways) if (this.#isSwallowed(other)) other.from.pause();
      if (head < chunk.length) this.#hold(way, chunk.subarray(head));
    }
    if (fault.once) this.#spend();
  }

  #isSwallowed(way: Way): boolean {
    return this.#swallowed === 'both' || this.#swallowed === way.direction;
  }

  #hold(way: Way, chunk: Buffer): void {
    way.from.pause();
    way.queue.push({ chunk, due: held });
    way.queued += chunk.length;
  }

  #delay(
    way: Way,
    chunk: Buffer,
    { latencyMs = 0, bytesPerSecond = Infinity, windowBytes = usualWindowBytes }: Fault & { kind: 'slow' },
  ): void {
    way.windowBytes = windowBytes;
    const step = Math.max(1, Math.min(chunk.length, Math.floor(bytesPerSecond / 20)));
    for (let at = 0; at < chunk.length; at += step) {
      const piece = chunk.subarray(at, at + step);
      way.free = Math.max(way.free, performance.now()) + (piece.length / bytesPerSecond) * 1000;
      way.queue.push({ chunk: piece, due: way.free + latencyMs });
      way.queued += piece.length;
    }
    if (way.queued > windowBytes) way.from.pause();
    this.#deliver(way);
  }

  #deliver(way: Way): void {
    if (way.timer) return;
    const [first] = way.queue;
    if (!first) {
      if (way.ended) this.#hangUp(way);
      return;
    }
    if (first.due === held) return;
    way.timer = setTimeout(
      () => {
        way.timer = undefined;
        const now = performance.now();
        while (way.queue[0] && way.queue[0].due <= now) {
          const { chunk } = way.queue.shift()!;
          way.queued -= chunk.length;
          send(way, chunk);
        }
        if (way.queued <= way.windowBytes) way.from.resume();
        this.#deliver(way);
      },
      Math.max(0, Math.ceil(first.due - performance.now())),
    );
  }

  #hangUp(way: Way): void {
    if (!this.#isSwallowed(way) && way.queue.length === 0) way.to.end();
  }
}

function wayOf(direction: FaultDirection, from: Socket, to: Socket): Way {
  return { direction, from, to, queue: [], queued: 0, windowBytes: usualWindowBytes, free: 0, ended: false };
}

function send(way: Way, chunk: Buffer): void {
  if (way.to.writable && !way.to.write(chunk)) way.from.pause();
}

function flipped(chunk: Buffer, at: number): Buffer {
  const copy = Buffer.from(chunk);
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}
