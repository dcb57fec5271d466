import type { Directive } from './parse-nginx.ts';
import type { ProxyView } from './proxy-view.ts';

/** What nginx must read in a rendered `site.conf`: the same configuration, told a second time without a template. */
export function expectedSite(view: ProxyView): readonly Directive[] {
  return [
    block(
      'upstream provision_rancher',
      view.upstreams.map((upstream) => line('server', upstream)),
    ),
    block('map $http_upgrade $provision_rancher_connection', [line('default upgrade'), line('', 'close')]),
    block('map $http_host $provision_rancher_port', [
      line('default', ''),
      line('~:(?<provision_rancher_digits>[0-9]+)$', ':$provision_rancher_digits'),
    ]),
    proxy(view),
    redirect(view),
    ...(view.catchAll ? [catchAll(view)] : []),
  ];
}

/** What nginx must read in a rendered whole `nginx.conf`. */
export function expectedWhole(
  view: ProxyView & { readonly includes: readonly string[] },
): readonly Directive[] {
  return [
    line('user www-data'),
    line('pid /run/nginx.pid'),
    line('error_log /var/log/nginx/error.log'),
    line('include /etc/nginx/modules-enabled/*.conf'),
    line('worker_processes auto'),
    line('worker_rlimit_nofile 40000'),
    line('worker_shutdown_timeout 30m'),
    block('events', [line('worker_connections 8192')]),
    block('http', [
      line('include /etc/nginx/mime.types'),
      line('default_type application/octet-stream'),
      line('types_hash_max_size 2048'),
      line('server_names_hash_bucket_size 512'),
      line('access_log /var/log/nginx/access.log'),
      line('sendfile on'),
      line('tcp_nopush on'),
      ...expectedSite(view),
      ...view.includes.map((file) => line('include', file)),
    ]),
  ];
}

function proxy(view: ProxyView): Directive {
  return block('server', [
    ...listenTls(view),
    line('server_name', view.hostname),
    line('server_tokens off'),
    line('ssl_certificate', view.certificate),
    line('ssl_certificate_key', view.key),
    ...tls(view),
    line('client_max_body_size', view.maxBodySize),
    line('large_client_header_buffers 4 64k'),
    line('add_header X-Provision-Config', view.configHash, 'always'),
    ...hsts(view),
    block('location /', [
      line('proxy_pass http://provision_rancher'),
      line('proxy_http_version 1.1'),
      line('proxy_set_header Upgrade $http_upgrade'),
      line('proxy_set_header Connection $provision_rancher_connection'),
      line('proxy_set_header Host', `${view.hostname}$provision_rancher_port`),
      line('proxy_set_header X-Forwarded-Host', ''),
      line('proxy_set_header X-API-Host', ''),
      line('proxy_set_header X-Forwarded-Proto https'),
      line('proxy_set_header X-Forwarded-Port $server_port'),
      line('proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for'),
      line('proxy_read_timeout 900s'),
      line('proxy_send_timeout 900s'),
      line('proxy_buffering off'),
      line('proxy_request_buffering off'),
    ]),
  ]);
}

function redirect(view: ProxyView): Directive {
  return block('server', [
    line('listen', `${view.httpPort}`),
    ...(view.ipv6 ? [line('listen', `[::]:${view.httpPort}`)] : []),
    line('server_name', view.hostname),
    line('server_tokens off'),
    line('add_header X-Provision-Config', view.configHash, 'always'),
    line('return 301', `https://${view.authority}$request_uri`),
  ]);
}

function catchAll(view: ProxyView): Directive {
  const addresses = view.ipv6 ? ['', '[::]:'] : [''];
  const http2 = view.http2Directive ? [] : ['http2'];
  return block('server', [
    ...addresses.flatMap((address) => [
      line('listen', `${address}${view.httpsPort}`, 'ssl', ...http2, 'default_server'),
      line('listen', `${address}${view.httpPort}`, 'default_server'),
    ]),
    ...(view.http2Directive ? [line('http2 on')] : []),
    line('server_name _'),
    line('server_tokens off'),
    ...(view.rejectHandshake
      ? [line('ssl_reject_handshake on')]
      : [line('ssl_certificate', view.certificate), line('ssl_certificate_key', view.key)]),
    ...tls(view),
    line('return 444'),
  ]);
}

function listenTls(view: ProxyView): readonly Directive[] {
  const http2 = view.http2Directive ? [] : ['http2'];
  return [
    line('listen', `${view.httpsPort}`, 'ssl', ...http2),
    ...(view.ipv6 ? [line('listen', `[::]:${view.httpsPort}`, 'ssl', ...http2)] : []),
    ...(view.http2Directive ? [line('http2 on')] : []),
  ];
}

function tls(view: ProxyView): readonly Directive[] {
  const suites = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'];
  const ciphers = suites.flatMap((suite) => [`ECDHE-ECDSA-${suite}`, `ECDHE-RSA-${suite}`]);
  const groups = [...(view.postQuantum ? ['X25519MLKEM768'] : []), 'X25519', 'prime256v1', 'secp384r1'];
  return [
    line('ssl_protocols TLSv1.2 TLSv1.3'),
    line('ssl_ciphers', ciphers.join(':')),
    line('ssl_prefer_server_ciphers off'),
    line('ssl_ecdh_curve', groups.join(':')),
    line('ssl_session_cache shared:provision_rancher:10m'),
    line('ssl_session_timeout 1d'),
    ...(view.sessionTickets ? [] : [line('ssl_session_tickets off')]),
  ];
}

function hsts({ hsts: wanted }: ProxyView): readonly Directive[] {
  if (!wanted) return [];
  const value = `max-age=${wanted.maxAge}${wanted.includeSubDomains ? '; includeSubDomains' : ''}`;
  return [
    line('add_header Strict-Transport-Security', value, 'always'),
    line('proxy_hide_header Strict-Transport-Security'),
  ];
}

/** The first argument holds words apart by spaces, the others are one word each. */
function line(words: string, ...more: readonly string[]): Directive {
  return { words: [...words.split(' '), ...more] };
}

function block(words: string, directives: readonly Directive[]): Directive {
  return { words: words.split(' '), block: directives };
}
