import { describe, expect, it } from 'vitest';
import { explainPullFailure } from './docker-pull-failure.ts';

const reference = 'reg.example.com:5000/web:1';

describe('explainPullFailure', () => {
  it.each([
    [
      'Error response from daemon: Head "https://reg.example.com:5000/v2/web/manifests/1": no basic auth credentials',
      'refuses',
      'give credentials for reg.example.com:5000',
      false,
    ],
    [
      'Error response from daemon: Head "https://reg/v2/": unauthorized: authentication required',
      'refuses',
      'give credentials',
      false,
    ],
    [
      "pull access denied for web, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      'no such image, or it is private',
      'check the spelling',
      false,
    ],
    [
      'Error response from daemon: manifest for reg.example.com:5000/web:1 not found: manifest unknown',
      'does not have it',
      'check name and tag',
      false,
    ],
    [
      'Get "https://reg/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'not trusted',
      '/etc/docker/certs.d/reg.example.com:5000/ca.crt',
      false,
    ],
    [
      'Get "https://reg/v2/": x509: certificate has expired or is not yet valid: current time 2020-01-01T00:00:00Z is before 2024-01-01',
      'not valid now',
      'clock',
      false,
    ],
    [
      'Get "https://reg/v2/": http: server gave HTTP response to HTTPS client',
      'plain HTTP',
      'insecure-registries',
      false,
    ],
    [
      'failed to register layer: write /usr/lib/x.so: no space left on device',
      'disk is full',
      '/var/lib/docker',
      false,
    ],
    [
      'no matching manifest for linux/arm64/v8 in the manifest list entries',
      'architecture',
      'choose a tag',
      false,
    ],
    ['toomanyrequests: You have reached your pull rate limit', 'limits the rate', 'wait', true],
    [
      'Get "https://reg/v2/": dial tcp: lookup reg.example.com on 10.0.0.2:53: no such host',
      'network',
      'name resolution',
      true,
    ],
    ['Get "https://reg/v2/": net/http: TLS handshake timeout', 'network', 'reachable', true],
    ['received unexpected HTTP status: 503 Service Unavailable', 'network', 'reachable', true],
    ['unexpected EOF', 'network', 'reachable', true],
    ['something that nobody has seen before', 'something that nobody', `docker pull ${reference}`, false],
    ['', 'docker said nothing', 'docker pull', false],
  ])('%s', (output, means, remedy, retry) => {
    const failure = explainPullFailure(
      reference,
      `1: Pulling from web\n${output}\n`.replace(/^1.*\n\n$/, ''),
    );
    expect(failure.error.problems[0].happened).toContain(means);
    expect(failure.error.problems[0].remedy).toContain(remedy);
    expect([failure.error.code, failure.retry]).toEqual(['IMAGE_PULL', retry]);
  });

  it('lets no control character of a registry into the message', () => {
    const { error } = explainPullFailure(reference, 'denied: \u001b]0;owned\u0007');
    expect(error.message).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});
