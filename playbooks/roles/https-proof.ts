import { httpCheck, type HttpRequest, type StepList, type TlsCertificate } from 'provision';

export interface HttpsProofProps {
  readonly hostname: string;
  readonly certificate: TlsCertificate;
  readonly httpPort: number;
  readonly httpsPort: number;
}

/**
 * What must be true for people and agents, seen through the balancer: requests go to its own port with the real name, so
 * nothing depends on DNS, and the certificate is verified with the CA that clients will use.
 */
export function httpsProof({ hostname, certificate, httpPort, httpsPort }: HttpsProofProps): StepList {
  const authority = httpsPort === 443 ? hostname : `${hostname}:${httpsPort}`;
  const through = (path: string, headers: Record<string, string> = {}): HttpRequest => ({
    port: httpsPort,
    path,
    headers: { Host: authority, ...headers },
    tls: { servername: hostname, ...(certificate.ca !== undefined && { ca: certificate.ca }) },
  });
  return [
    httpCheck({
      name: `https://${authority}/ping with the right certificate`,
      request: through('/ping'),
      expect: { status: 200, body: 'pong', certificateFingerprint: certificate.fingerprint },
    }),
    httpCheck({
      // /ping also passes without X-Forwarded-Proto; this one would be redirected to itself for ever.
      name: `https://${authority}/v3 without a redirect loop`,
      request: through('/v3'),
      expect: { status: 401 },
      remedy:
        'a redirect here means that X-Forwarded-Proto does not reach Rancher: look for a second proxy in between',
    }),
    httpCheck({
      name: `wss://${authority}/v3/connect`,
      request: through('/v3/connect', {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'cHJvdmlzaW9uIHByb29mIQ==',
        Origin: `https://${authority}`,
        // Rancher compares Origin with Host for browsers only.
        'User-Agent': 'Mozilla/5.0 (provision)',
      }),
      // Without a token Rancher turns the handshake down, but it has arrived; 403 would be a wrong Host, 502 no Rancher.
      expect: { status: [101, 400, 401] },
    }),
    httpCheck({
      name: `http://${hostname} redirects to https`,
      request: { port: httpPort, path: '/dashboard/?proof=1', headers: { Host: hostname } },
      expect: { status: [301, 308], headers: { location: `https://${authority}/dashboard/?proof=1` } },
    }),
  ];
}
