import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseImageReference } from './docker-image-reference.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

describe('parseImageReference', () => {
  it.each([
    ['nginx', 'docker.io', 'library/nginx', 'latest', undefined],
    ['rancher/rancher:v2.8.5', 'docker.io', 'rancher/rancher', 'v2.8.5', undefined],
    ['docker.io/nginx', 'docker.io', 'library/nginx', 'latest', undefined],
    ['index.docker.io/library/nginx:1', 'docker.io', 'library/nginx', '1', undefined],
    ['localhost/app', 'localhost', 'app', 'latest', undefined],
    ['registry:5000/rancher/rancher:v2.8.5', 'registry:5000', 'rancher/rancher', 'v2.8.5', undefined],
    ['[fd00::1]:5000/app:1', '[fd00::1]:5000', 'app', '1', undefined],
    [`registry.example.com/a/b/c@${digest}`, 'registry.example.com', 'a/b/c', undefined, digest],
    [`registry.example.com:5000/a:1@${digest}`, 'registry.example.com:5000', 'a', '1', digest],
    ['a__b/c.d-e--f:T_a.g-1', 'docker.io', 'a__b/c.d-e--f', 'T_a.g-1', undefined],
  ])('%s', (reference, registry, repository, tag, wantedDigest) => {
    const parsed = parseImageReference(reference);
    expect([parsed.registry, parsed.repository, parsed.tag, parsed.digest]).toEqual([
      registry,
      repository,
      tag,
      wantedDigest,
    ]);
  });

  it.each([
    ['', 'empty'],
    ['rancher/Rancher', 'capital letters'],
    ['rancher/rancher:', 'tag ""'],
    ['rancher/rancher:v1:v2', 'tag "v1:v2"'],
    ['rancher//rancher', 'part ""'],
    ['rancher/rancher@sha256:abc', 'digest'],
    [`rancher@${digest}@${digest}`, 'more than one @'],
    ['--privileged', 'part "--privileged"'],
    ['rancher/rancher:v1; reboot', 'tag'],
    ['reg istry.example.com/a', 'registry'],
    ['a'.repeat(256), 'longer than 255'],
  ])('refuses %j', (reference, why) => {
    expect(() => parseImageReference(reference)).toThrow(why);
  });

  it('takes a first part with capital letters for a host name, as Docker does', () => {
    expect(parseImageReference('Registry/rancher:1').registry).toBe('Registry');
  });

  it('gives all spellings of one image the same canonical form, which parses to itself', () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    const tag = fc.option(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,8}$/), { nil: undefined });
    fc.assert(
      fc.property(component, component, tag, (owner, name, version) => {
        const suffix = version === undefined ? '' : `:${version}`;
        const spellings = [`${owner}/${name}${suffix}`, `docker.io/${owner}/${name}${suffix}`];
        // "localhost" alone is a host, so it cannot be an owner.
        fc.pre(owner !== 'localhost');
        const [canonical, other] = spellings.map((spelling) => parseImageReference(spelling).canonical);
        expect(other).toBe(canonical);
        expect(parseImageReference(canonical!).canonical).toBe(canonical);
      }),
    );
  });
});
