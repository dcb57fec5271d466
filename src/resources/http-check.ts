import { condition } from '../core/condition.ts';
import type { HttpRequest, HttpResponse, ReadHost } from '../core/host.ts';
import type { Observation } from '../core/step.ts';
import { describeRequest } from '../host/http.ts';
import { whyNoAnswer } from './no-answer.ts';

/** What an answer must be; what is left out may be anything. */
export interface HttpExpectation {
  /** One status, or several that will do. */
  readonly status: number | readonly number[];
  /** The whole body without surrounding white space, or a pattern that it matches. */
  readonly body?: string | RegExp;
  /** Headers by name in lower case, as the body. */
  readonly headers?: Readonly<Record<string, string | RegExp>>;
  /** SHA-256 of the certificate that is served: `AB:CD:…`. */
  readonly certificateFingerprint?: string;
}

export interface HttpCheckProps {
  /** Short, unique on the host. Default: the request, `GET https://rancher.example.com/ping`. */
  readonly name?: string;
  readonly request: HttpRequest;
  readonly expect: HttpExpectation;
  /** How long to wait for it, in milliseconds. Default one minute. */
  readonly timeoutMs?: number;
  /** What to do when it never holds. */
  readonly remedy?: string;
}

/**
 * Waits until a request, made from the host itself, is answered as expected. Redirects are not followed.
 * @example
 * httpCheck({ request: { port: 80, path: '/ping' }, expect: { status: 200, body: 'pong' }, timeoutMs: 600_000 })
 */
export const httpCheck = condition<HttpCheckProps>({
  kind: 'http',
  id: ({ name, request }) => name ?? describeRequest(request),
  observe,
  timeoutMs: ({ timeoutMs = 60_000 }) => timeoutMs,
  remedy: ({ remedy, request }) => remedy ?? `try it on the host: curl -v, ${describeRequest(request)}`,
});

async function observe(host: ReadHost, { request, expect }: HttpCheckProps): Promise<Observation> {
  try {
    const response = await host.request(request);
    const wrong = mismatch(response, expect);
    return wrong === undefined
      ? { holds: true, saw: `HTTP ${response.status}` }
      : { holds: false, saw: wrong };
  } catch (error) {
    return { holds: false, saw: await whyNoAnswer(host, error) };
  }
}

/** The first thing that is not as expected, for people. */
function mismatch(response: HttpResponse, expect: HttpExpectation): string | undefined {
  const { status, headers, body } = response;
  const statuses = [expect.status].flat();
  if (!statuses.includes(status)) {
    const where = headers['location'];
    return `HTTP ${status}, not ${statuses.join(' or ')}${where === undefined ? '' : ` (to ${shorten(where)})`}`;
  }
  if (expect.body !== undefined && !matches(body.trim(), expect.body)) {
    return `HTTP ${status} with the body ${shorten(JSON.stringify(body.trim()))}, not ${String(expect.body)}`;
  }
  for (const [name, wanted] of Object.entries(expect.headers ?? {})) {
    const have = headers[name];
    if (have !== undefined && matches(have, wanted)) continue;
    return `HTTP ${status} with ${have === undefined ? `no header ${name}` : `${name}: ${shorten(have)}`}, not ${String(wanted)}`;
  }
  const { certificateFingerprint: fingerprint } = expect;
  if (fingerprint === undefined || fingerprint === response.certificateFingerprint) return undefined;
  return `the certificate ${response.certificateFingerprint ?? '(none)'}, not ${fingerprint}`;
}

function matches(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? text === wanted : wanted.test(text);
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
