import type { HttpRequest, HttpResponse } from '../../src/core/host.ts';
import type { Connection } from '../../src/host/connection.ts';
import { RemoteHost, type RemoteHostOptions } from '../../src/host/remote-host.ts';

/**
 * Counts round trips: what is asked in one turn of the event loop travels together, and is answered together. An HTTP exchange
 * through the host counts as one question, though it travels more than once; uploads and the login are not counted.
 */
export class RoundTrips {
  count = 0;
  /** All that was asked, in order: scripts, and requests as `GET 443 /ping`. */
  readonly asked: string[] = [];
  #travellers: { readonly answer: Promise<unknown>; readonly settle: () => void }[] = [];

  take<T>(what: string, ask: () => Promise<T>): Promise<T> {
    this.asked.push(what);
    if (this.#travellers.length === 0) setImmediate(() => void this.#travel());
    return new Promise<T>((resolve, reject) => {
      const answer = ask();
      this.#travellers.push({ answer, settle: () => void answer.then(resolve, reject) });
    });
  }

  async #travel(): Promise<void> {
    this.count++;
    const travellers = this.#travellers;
    this.#travellers = [];
    await Promise.allSettled(travellers.map(({ answer }) => answer));
    for (const { settle } of travellers) settle();
  }
}

/** A host whose scripts and requests are counted. */
export class CountedHost extends RemoteHost {
  readonly #trips: RoundTrips;

  constructor(trips: RoundTrips, options: RemoteHostOptions) {
    super({ ...options, connection: countScripts(trips, options.connection) });
    this.#trips = trips;
  }

  override request(request: HttpRequest): Promise<HttpResponse> {
    const { method = 'GET', port, path } = request;
    return this.#trips.take(`${method} ${port} ${path}`, () => super.request(request));
  }
}

function countScripts(trips: RoundTrips, inner: Connection): Connection {
  return {
    execute: (script, options) => trips.take(script.text, () => inner.execute(script, options)),
    upload: (...args) => inner.upload(...args),
    dial: (...args) => inner.dial(...args),
    close: () => inner.close(),
  };
}
