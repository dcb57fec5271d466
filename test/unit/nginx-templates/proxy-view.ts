import fc from 'fast-check';

/** The view of `proxy.conf.mustache`, as the comment at its top has it. */
export type ProxyView = {
  hostname: string;
  authority: string;
  upstreams: string[];
  httpPort: number;
  httpsPort: number;
  ipv6: boolean;
  certificate: string;
  key: string;
  maxBodySize: string;
  hsts: null | { maxAge: number; includeSubDomains: boolean };
  catchAll: boolean;
  configHash: string;
} & VersionFlags;

export type VersionFlags = {
  http2Directive: boolean;
  rejectHandshake: boolean;
  sessionTickets: boolean;
  postQuantum: boolean;
};

export const nginx118: VersionFlags = {
  http2Directive: false,
  rejectHandshake: false,
  sessionTickets: false,
  postQuantum: false,
};
export const nginx122: VersionFlags = { ...nginx118, rejectHandshake: true };
export const nginx126: VersionFlags = {
  http2Directive: true,
  rejectHandshake: true,
  sessionTickets: true,
  postQuantum: true,
};

/** As few options as there can be. */
export const smallest: Omit<ProxyView, keyof VersionFlags> = {
  hostname: 'rancher.example.com',
  authority: 'rancher.example.com',
  upstreams: ['10.0.0.5:80'],
  httpPort: 80,
  httpsPort: 443,
  ipv6: false,
  certificate: '/etc/nginx/tls/rancher/fullchain.pem',
  key: '/etc/nginx/tls/rancher/privkey.pem',
  maxBodySize: '100m',
  hsts: null,
  catchAll: false,
  configHash: '4f2a9c',
};

/** Every option, on other ports. */
export const fullest: typeof smallest = {
  ...smallest,
  authority: 'rancher.example.com:8443',
  upstreams: ['10.0.0.5:80', '[fd00::5]:8080'],
  httpPort: 8080,
  httpsPort: 8443,
  ipv6: true,
  hsts: { maxAge: 63_072_000, includeSubDomains: true },
  catchAll: true,
};

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const hostname = fc.array(label, { minLength: 2, maxLength: 6 }).map((labels) => labels.join('.'));
const port = fc.integer({ min: 1, max: 65_535 });
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((ip) => `[${ip}]`),
  hostname,
);
const pathPart = fc.stringMatching(/^[A-Za-z0-9_@%+,:=~-][A-Za-z0-9._@%+,:=~*-]{0,12}$/);
const path = fc.array(pathPart, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`);

/** Any view that a careful role could make. */
export const validView: fc.Arbitrary<ProxyView> = fc
  .record({
    hostname,
    upstreams: fc.array(fc.tuple(address, port), { minLength: 1, maxLength: 4 }),
    httpPort: port,
    httpsPort: port,
    ipv6: fc.boolean(),
    certificate: path,
    key: path,
    maxBodySize: fc.tuple(fc.nat(), fc.constantFrom('', 'k', 'm', 'g')).map((parts) => parts.join('')),
    hsts: fc.option(fc.record({ maxAge: fc.nat(), includeSubDomains: fc.boolean() })),
    catchAll: fc.boolean(),
    configHash: fc.stringMatching(/^[0-9a-f]{64}$/),
    http2Directive: fc.boolean(),
    rejectHandshake: fc.boolean(),
    sessionTickets: fc.boolean(),
    postQuantum: fc.boolean(),
  })
  .map((view) => ({
    ...view,
    authority: view.httpsPort === 443 ? view.hostname : `${view.hostname}:${view.httpsPort}`,
    upstreams: view.upstreams.map(([host, number]) => `${host}:${number}`),
  }));
