import { randomBytes } from 'node:crypto';
import type { Release } from './release.ts';
import type { State } from './state.ts';

/** A request, the same for HTTP/1.1 and HTTP/2. */
export interface WebRequest {
  method: string;
  /** With the query string. */
  uri: string;
  path: string;
  host: string;
  headers: Record<string, string>;
  body: string;
  encrypted: boolean;
}

export interface WebAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What the answers depend on. */
export interface Site {
  release: Release;
  state: State;
  /** PEM, empty for a recognised CA. */
  caCertificates: string;
  /** Every setting of Rancher can be given as `CATTLE_NAME`. */
  environment: NodeJS.ProcessEnv;
  save: () => void;
}

/** A token that is always good, for tests which are not about logging in. */
export const testToken = 'stand-in-token';

const openSettings = ['cacerts', 'first-login', 'ui-pl', 'ui-banners', 'ui-issues'];

/** Answers as Rancher answers from outside; the plain port sends everything but health checks to HTTPS. */
export function answer(request: WebRequest, site: Site): WebAnswer {
  return redirectToHttps(request) ?? route(request, site);
}

/** Whether the request carries a token, as a bearer or as the cookie of a browser. */
export function isAuthenticated(request: WebRequest, { state }: Site): boolean {
  const bearer = /^Bearer (.+)$/.exec(request.headers['authorization'] ?? '')?.[1];
  const cookie = /(?:^|;\s*)R_SESS=([^;]+)/.exec(request.headers['cookie'] ?? '')?.[1];
  return [testToken, ...state.tokens].some((token) => token === bearer || token === cookie);
}

/**
 * The filter in front of the plain port. That `/ping` passes it says nothing about the header.
 * @see https://github.com/rancher/dynamiclistener/blob/master/redirect.go
 */
export function redirectToHttps(request: WebRequest): WebAnswer | undefined {
  const terminated = ['https', 'wss'].includes(request.headers['x-forwarded-proto'] ?? '');
  const exempt = ['/.well-known/', '/ping', '/health'].some((prefix) => request.path.startsWith(prefix));
  if (request.encrypted || terminated || exempt) return undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(400, 'Use HTTPS\n');
  const location = `https://${httpsHost(request.host)}${request.uri}`;
  return {
    ...html(302, `<a href="${location}">Found</a>.\n`),
    headers: { location, 'content-type': 'text/html' },
  };
}

// 80 becomes 443, 8080 becomes 8443.
function httpsHost(host: string): string {
  return host.replace(/:(\d+)$/, (_, port: string) => `:${Math.floor(Number(port) / 1_000) * 1_000 + 443}`);
}

function route(request: WebRequest, site: Site): WebAnswer {
  const { path } = request;
  const { release } = site;
  if (path === '/ping') return text(200, 'pong');
  if (path === '/healthz') return text(200, 'ok');
  if (path === '/stand-in/echo') return json(200, { ...request, installationId: site.state.installationId });
  if (path === '/rancherversion' && release.hasVersionPage) return versionPage(release);
  if (path === '/cacerts' && release.hasCaCertificatesPage) return text(200, site.caCertificates);
  if (path.startsWith('/v3/settings/')) return setting(request, site);
  if (path.startsWith('/v3-public/')) return publicApi(request, site);
  if (/^\/(v1|v3|k8s|meta)(\/|$)/.test(path)) return privateApi(request, site);
  if (path === '/') return release.hasDashboard ? found('/dashboard/') : html(200, 'Rancher');
  if (path.startsWith('/dashboard/') && release.hasDashboard) return html(200, 'Rancher Dashboard');
  return text(404, '404 page not found\n');
}

function versionPage({ tag }: Release): WebAnswer {
  return json(200, { Version: tag, GitCommit: '0000000', RancherPrime: 'false' });
}

function setting(request: WebRequest, site: Site): WebAnswer {
  const name = request.path.slice('/v3/settings/'.length);
  if (!openSettings.includes(name) && !isAuthenticated(request, site)) return mustAuthenticate();
  const fromEnvironment = site.environment[`CATTLE_${name.toUpperCase().replaceAll('-', '_')}`];
  return json(200, {
    id: name,
    type: 'setting',
    baseType: 'setting',
    name,
    value: name === 'cacerts' ? site.caCertificates : (fromEnvironment ?? ''),
    links: { self: `${outerUrl(request)}/v3/settings/${name}` },
  });
}

function publicApi(request: WebRequest, site: Site): WebAnswer {
  const isLogin = request.method === 'POST' && request.path === '/v3-public/localProviders/local';
  if (!isLogin) return json(200, { type: 'collection', data: [] });
  const { username, password } = parseJson(request.body);
  if (username !== 'admin' || password !== site.state.bootstrapPassword) {
    return json(401, { type: 'error', status: '401', message: 'authentication failed' });
  }
  const token = `token-${randomBytes(3).toString('hex')}:${randomBytes(27).toString('hex')}`;
  site.state.tokens.push(token);
  site.save();
  const granted = json(201, { type: 'token', token });
  return {
    ...granted,
    headers: { ...granted.headers, 'set-cookie': `R_SESS=${token};Path=/;HttpOnly;Secure` },
  };
}

function privateApi(request: WebRequest, site: Site): WebAnswer {
  if (!isAuthenticated(request, site)) return mustAuthenticate();
  if (request.path !== '/v3') return json(404, { type: 'error', status: '404', message: 'not found' });
  return json(200, { type: 'apiRoot', links: { self: `${outerUrl(request)}/v3` } });
}

// The scheme of links comes from the balancer: a wrong header there makes wrong links here.
function outerUrl(request: WebRequest): string {
  const forwarded = request.headers['x-forwarded-proto'];
  const scheme = forwarded?.replace(/^ws/, 'http') ?? (request.encrypted ? 'https' : 'http');
  return `${scheme}://${request.headers['x-api-host'] ?? request.headers['x-forwarded-host'] ?? request.host}`;
}

function mustAuthenticate(): WebAnswer {
  return json(401, { type: 'error', status: '401', message: 'must authenticate' });
}

function parseJson(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function found(location: string): WebAnswer {
  return { status: 302, headers: { location }, body: '' };
}

function json(status: number, value: unknown): WebAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

function html(status: number, body: string): WebAnswer {
  return { status, headers: { 'content-type': 'text/html' }, body };
}

function text(status: number, body: string): WebAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}
