/** Of a near host more than this is a backlog, which costs sshd more processor time than the bytes themselves. */
const fewest = 512 * 1024;
/** As much as a channel of OpenSSH takes unasked. */
const most = 2 * 1024 * 1024;
/** How much quicker a window must be to be kept. */
const worthwhile = 1.2;

/**
 * How many bytes may be on their way at a time. It is doubled for as long as that makes it quicker by a good part, as it does
 * where answers take long to come back; what did not help is taken back, once and for all.
 */
export class FlightWindow {
  readonly #now: () => number;
  #limit = fewest;
  #isGrowing = true;
  /** Bytes a millisecond with the window before. */
  #best = 0;
  /** The first round with a window still shows the one before. */
  #isSettled = false;
  #bytes = 0;
  #since: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  get limit(): number {
    return this.#limit;
  }

  /** To be called with the size of each piece that has been answered. */
  answered(bytes: number): void {
    if (!this.#isGrowing) return;
    this.#bytes += bytes;
    if (this.#bytes < this.#limit) return;
    if (this.#isSettled) this.#judge(this.#bytes / Math.max(this.#now() - this.#since, 0.001));
    else this.#isSettled = true;
    this.#bytes = 0;
    this.#since = this.#now();
  }

  #judge(rate: number): void {
    const isBetter = rate > this.#best * worthwhile;
    if (!isBetter) this.#limit = Math.max(fewest, this.#limit / 2);
    this.#isGrowing = isBetter && this.#limit < most;
    if (!this.#isGrowing) return;
    this.#best = rate;
    this.#limit *= 2;
    this.#isSettled = false;
  }
}
