import { ProvisionError } from '../core/errors.ts';
import { quoteLine } from './docker-client.ts';
import { dockerHub, parseImageReference } from './docker-image-reference.ts';

/** Why an image did not come, and whether trying again can help. */
export interface PullFailure {
  readonly error: ProvisionError;
  readonly retry: boolean;
}

/**
 * What the words of Docker and of the registry mean, with what to do about it.
 * @example
 * explainPullFailure('rancher/rancher:v0', 'manifest for rancher/rancher:v0 not found: manifest unknown').retry; // => false
 */
export function explainPullFailure(reference: string, output: string): PullFailure {
  const words = lastWords(output);
  const { registry } = parseImageReference(reference);
  const cause = causes.find(({ pattern }) => pattern.test(output));
  const remedy = cause?.remedy(reference, registry) ?? `try "docker pull ${reference}" on the host`;
  return {
    error: new ProvisionError({
      code: 'IMAGE_PULL',
      happened: `${reference} could not be pulled: ${cause ? `${cause.means}: ` : ''}${quoteLine(words)}`,
      remedy,
      detail: output.slice(-4000),
      ...(cause?.retry === false && { permanent: true }),
    }),
    retry: cause?.retry ?? false,
  };
}

interface Cause {
  readonly pattern: RegExp;
  readonly means: string;
  readonly retry: boolean;
  remedy(reference: string, registry: string): string;
}

// The first that matches counts: a full disk, a certificate and a refusal can all come wrapped in words of the network.
const causes: readonly Cause[] = [
  {
    pattern: /no space left on device/i,
    means: 'the disk is full',
    retry: false,
    remedy: () => 'free space on the file system of /var/lib/docker ("docker system df" shows what can go)',
  },
  {
    pattern: /x509:.*(?:expired|not yet valid)/is,
    means: "the registry's certificate is not valid now",
    retry: false,
    remedy: (_, registry) => `compare the clock of the host with the dates of the certificate of ${registry}`,
  },
  {
    pattern: /x509:|certificate signed by unknown authority|tls: failed to verify/i,
    means: "the registry's certificate is not trusted",
    retry: false,
    remedy: (_, registry) =>
      `put the CA of ${registry} into /etc/docker/certs.d/${registry}/ca.crt on the host (no restart is needed)`,
  },
  {
    pattern: /server gave HTTP response to HTTPS client/i,
    means: 'the registry speaks plain HTTP',
    retry: false,
    remedy: (_, registry) =>
      `give ${registry} a certificate, or list it under insecure-registries in /etc/docker/daemon.json`,
  },
  {
    pattern: /toomanyrequests|429 Too Many Requests/i,
    means: 'the registry limits the rate',
    retry: true,
    remedy: (_, registry) => `give credentials for ${registry}, or wait`,
  },
  {
    pattern: /no matching manifest for|does not match the (?:specified|detected) platform/i,
    means: 'the image is not made for this architecture',
    retry: false,
    remedy: () => 'choose a tag that has the architecture of the host',
  },
  {
    // Docker Hub answers alike for an image that is private and one that does not exist.
    pattern: /pull access denied/i,
    means: 'there is no such image, or it is private',
    retry: false,
    remedy: (reference, registry) =>
      `check the spelling of ${reference}, or give credentials for ${registry}`,
  },
  {
    pattern:
      /unauthorized|authentication required|no basic auth credentials|denied: |incorrect username or password/i,
    means: 'the registry refuses',
    retry: false,
    remedy: (_, registry) =>
      `give credentials for ${registry === dockerHub ? 'Docker Hub' : registry} that may pull this image`,
  },
  {
    pattern:
      /manifest unknown|manifest for .* not found|name unknown|repository .* not found|: not found\s*$/im,
    means: 'the registry does not have it',
    retry: false,
    remedy: (reference, registry) =>
      `check name and tag of ${reference}, and that it was pushed to ${registry}`,
  },
  {
    pattern:
      /time-?out|timed out|deadline exceeded|connection (?:refused|reset)|no such host|temporary failure|unexpected EOF|\bEOF$|network is unreachable|no route to host|server misbehaving|\b50[0234]\b|failed to resolve|unexpected status.*5\d\d/im,
    means: 'the network or the registry fails',
    retry: true,
    remedy: (_, registry) =>
      `make ${registry} reachable from the host (name resolution, firewall, proxy of dockerd)`,
  },
];

// The reason is in the last line; the lines before it are progress.
function lastWords(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const meaningful = lines.filter(
    (line) => line !== '' && !line.startsWith('See ') && !line.startsWith('WARNING!'),
  );
  return meaningful.at(-1)?.replace(/^Error response from daemon: /, '') ?? 'docker said nothing';
}
