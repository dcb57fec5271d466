import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CommandLine } from './command-line.ts';
import type { Release } from './release.ts';
import type { WebAnswer, WebRequest } from './web.ts';

const loggedPaths = ['/v3', '/k8s/clusters', '/meta', '/v1-telemetry'];

/** Hears of each answered request, and writes what the level asks for as one line of JSON. */
export type AuditLog = (request: WebRequest, answer: WebAnswer, remoteAddress: string, since: Date) => void;

/** Opens the audit log; its file appears with the first line. Without auditing nothing is written. */
export function openAuditLog(root: string, { audit }: CommandLine, release: Release): AuditLog {
  if (!audit.enabled) return () => {};
  const file = join(root, audit.path);
  const withHeaders = !release.hasAuditSwitch || audit.level >= 1;
  return (request, answer, remoteAddress, since) => {
    if (!isLogged(request.path)) return;
    const line = {
      auditID: randomUUID(),
      requestURI: request.uri,
      user: { name: 'system:unauthenticated', group: ['system:unauthenticated'] },
      method: request.method,
      remoteAddr: remoteAddress,
      requestTimestamp: since.toISOString(),
      responseTimestamp: new Date().toISOString(),
      responseCode: answer.status,
      ...(withHeaders && { requestHeader: request.headers, responseHeader: answer.headers }),
      ...(audit.level >= 2 && request.body !== '' && { requestBody: request.body }),
      ...(audit.level >= 3 && { responseBody: answer.body }),
    };
    mkdirSync(dirname(file), { recursive: true });
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  };
}

function isLogged(path: string): boolean {
  return loggedPaths.some((prefix) => path.startsWith(prefix)) && path !== '/v3/settings/cacerts';
}
