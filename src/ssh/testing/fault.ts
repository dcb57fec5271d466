/** What happens to a connection, and after how many of its bytes. */
export type Fault =
  | { readonly kind: 'none' }
  /** Nobody listens on the port. Connections that are open stay. */
  | { readonly kind: 'refuse' }
  /** An orderly end (FIN) of both sides. */
  | ({ readonly kind: 'cut'; readonly afterBytes: number } & Place)
  /** A reset (RST) of both sides. */
  | ({ readonly kind: 'reset'; readonly afterBytes: number } & Place)
  /**
   * Nothing goes through any more, and nobody is told; with `afterBytes: 0`, a connection is accepted and gets no answer.
   * What was held back goes on its way when the fault is taken back, as after a broken route.
   */
  | ({ readonly kind: 'blackhole'; readonly afterBytes: number } & Place)
  /** One bit of the byte at this place is turned over. */
  | ({ readonly kind: 'flip'; readonly atByte: number } & Place)
  /** Any other damage: gets each piece with its place in the stream, and returns what shall arrive instead. */
  | {
      readonly kind: 'tamper';
      readonly change: (bytes: Buffer, atByte: number, direction: FaultDirection) => Buffer;
    }
  /** Each piece is late; with a rate of a few bytes a second, it drips. */
  | {
      readonly kind: 'slow';
      readonly latencyMs?: number;
      readonly bytesPerSecond?: number;
      /** How much is under way at a time, in each direction; more stays with the sender. Default 256 KiB. */
      readonly windowBytes?: number;
    };

/** The way that bytes go: from who connects to the server behind the proxy, or back. */
export type FaultDirection = 'toServer' | 'toClient';

/** For faults that strike at a place in the stream. */
interface Place {
  /** Counts and strikes the bytes of this direction only. Left out: those of both directions together. */
  readonly direction?: FaultDirection;
  /** Strikes one connection; those after it get through. */
  readonly once?: boolean;
}
