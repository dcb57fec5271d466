import {
  contentHash,
  fileSet,
  pkg,
  type ReadHost,
  renderTemplate,
  service,
  sh,
  type StepList,
  type TlsCertificate,
} from 'provision';

export interface NginxTlsProps {
  readonly hostname: string;
  readonly certificate: TlsCertificate;
  /** `address:port` of each Rancher node. */
  readonly upstreams: readonly string[];
  readonly httpPort: number;
  readonly httpsPort: number;
  /** `snippet`: one file in conf.d beside others. `whole`: nginx.conf belongs to Rancher alone. */
  readonly layout: 'snippet' | 'whole';
}

/** What the host's own NGINX decides about the directives that it understands. */
interface NginxHost {
  /** `1.22.1` as `[1, 22, 1]`. */
  readonly version: readonly number[];
  readonly ipv6: boolean;
  readonly postQuantum: boolean;
}

/** The NGINX of a host: there, or about to be installed, when the library that it brings cannot be known. */
interface DiscoveredNginx extends NginxHost {
  readonly isInstalled: boolean;
}

const snippet = '/etc/nginx/conf.d/rancher.conf';

/**
 * NGINX that terminates TLS in front of Rancher. Certificate, key and configuration go live together, after the whole tree
 * was tested, and only count when the new configuration is seen to be served.
 */
export function nginxTls(props: NginxTlsProps): StepList {
  const { certificate, hostname, httpsPort, layout } = props;
  const folder = `/etc/nginx/certificates/${hostname}`;
  const render = (nginx: NginxHost) => configuration(props, nginx, folder);
  // Every name in the template is checked here, before any host is contacted.
  for (const version of [
    [1, 18, 0],
    [1, 28, 0],
  ])
    render({ version, ipv6: true, postQuantum: true });
  return [
    pkg({ name: 'nginx' }),
    fileSet({
      name: 'nginx',
      root: '/etc/nginx',
      discover: discoverNginx,
      isForeseen: ({ isInstalled }) => !isInstalled,
      files: [
        { path: `${folder}/fullchain.pem`, content: certificate.chain, mode: '0644' },
        { path: `${folder}/privkey.pem`, content: certificate.key, mode: '0600' },
        { path: layout === 'whole' ? '/etc/nginx/nginx.conf' : snippet, content: render, mode: '0644' },
      ],
      remove: layout === 'whole' ? [snippet] : [],
      validate: sh`nginx -t -q`,
      activate: sh`systemctl reload-or-restart nginx`,
      observe: (host) => observeServed(host, hostname, httpsPort),
      expected: (_files, nginx) =>
        `configuration ${hashOf(props, nginx, folder)} certificate ${certificate.fingerprint}`,
      diagnose: sh`tail -n 5 /var/log/nginx/error.log`,
    }),
    service({ name: 'nginx' }),
  ];
}

function configuration(props: NginxTlsProps, nginx: NginxHost, folder: string): string {
  return render(props, nginx, folder, hashOf(props, nginx, folder));
}

/** Of the configuration without the place where the hash itself stands, and of the certificate that it names. */
function hashOf(props: NginxTlsProps, nginx: NginxHost, folder: string): string {
  return contentHash(render(props, nginx, folder, '0'.repeat(16)) + props.certificate.chain).slice(0, 16);
}

function render(props: NginxTlsProps, nginx: NginxHost, folder: string, configHash: string): string {
  const { hostname, httpPort, httpsPort, layout, upstreams } = props;
  const view = {
    hostname,
    authority: httpsPort === 443 ? hostname : `${hostname}:${httpsPort}`,
    upstreams: [...upstreams],
    httpPort,
    httpsPort,
    ipv6: nginx.ipv6,
    certificate: `${folder}/fullchain.pem`,
    key: `${folder}/privkey.pem`,
    maxBodySize: '100m',
    hsts: null,
    catchAll: false,
    configHash,
    http2Directive: isAtLeast(nginx.version, [1, 25, 1]),
    rejectHandshake: isAtLeast(nginx.version, [1, 19, 4]),
    sessionTickets: isAtLeast(nginx.version, [1, 23, 2]),
    postQuantum: nginx.postQuantum,
  };
  const name = layout === 'whole' ? 'nginx.conf' : 'site.conf';
  const template = new URL(`../../templates/nginx/${name}.mustache`, import.meta.url);
  return renderTemplate(template, layout === 'whole' ? { ...view, includes: [] } : view, {
    dialect: 'nginx',
  });
}

/** The installed NGINX, or the one that the host would install; undefined when neither can be told. */
async function discoverNginx(host: ReadHost): Promise<DiscoveredNginx | undefined> {
  const [{ stdout }, facts] = await Promise.all([
    host.probe(sh`nginx -V 2>&1 || apt-cache policy nginx 2>/dev/null`),
    host.facts(),
  ]);
  const present = /^nginx version: nginx\/(\d+)\.(\d+)\.(\d+)/m.exec(stdout);
  const found = present ?? /Candidate: (\d+)\.(\d+)\.(\d+)/.exec(stdout);
  if (!found) return undefined;
  const library = /OpenSSL (\d+)\.(\d+)/.exec(stdout);
  const postQuantum = library !== null && isAtLeast([Number(library[1]), Number(library[2])], [3, 5]);
  return {
    version: found.slice(1, 4).map(Number),
    ipv6: facts.ipv6,
    postQuantum,
    isInstalled: present !== null,
  };
}

/** What answers on the TLS port right now: which configuration, and which certificate. */
async function observeServed(host: ReadHost, hostname: string, port: number): Promise<string | undefined> {
  // Not verified here: the question is what is served, and the answer is compared to the very certificate.
  const tls = { servername: hostname, insecure: true };
  const { headers, certificateFingerprint } = await host.request({
    port,
    path: '/',
    headers: { Host: hostname },
    tls,
  });
  const hash = headers['x-provision-config'];
  return hash === undefined
    ? undefined
    : `configuration ${hash} certificate ${certificateFingerprint ?? 'none'}`;
}

function isAtLeast(version: readonly number[], wanted: readonly number[]): boolean {
  for (const [index, number] of wanted.entries()) {
    const have = version[index] ?? 0;
    if (have !== number) return have > number;
  }
  return true;
}
