import { problemsOf } from '../core/errors.ts';
import type { ReadHost } from '../core/host.ts';
import { sh } from '../core/script.ts';

const codes: readonly string[] = ['CONN_REFUSED', 'CONN_TIMEOUT', 'CONN_LOST', 'TLS'];

/**
 * What a person should know when `host.request` got no answer: `connection refused`. For what waits until a service is up.
 * @throws the error again when it says something else, or that the host itself is lost: then there is nothing to wait for
 * @example
 * const answer = await host.request({ port: 80, path: '/ping' }).catch((error) => whyNoAnswer(host, error));
 * if (typeof answer === 'string') return { holds: false, saw: answer };
 */
export async function whyNoAnswer(host: ReadHost, error: unknown): Promise<string> {
  const [{ code, happened }] = problemsOf(error);
  if (!codes.includes(code)) throw error;
  // The same code stands for a lost service and a lost host: only the latter cannot run a script.
  if (code === 'CONN_LOST') await host.probe(sh`:`);
  return happened;
}
