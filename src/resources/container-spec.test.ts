import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containerSpec, parseSpec, specChanges, specHash } from './container-spec.ts';
import { containerWant } from './container-want.ts';

const base = { name: 'web', image: 'web:1' };

describe('the spec of a container', () => {
  it('leaves out what is at its default, so that new options re-create nothing', () => {
    expect(containerSpec(containerWant(base))).toEqual({ image: 'docker.io/library/web:1' });
  });

  it('has no order where Docker has none', () => {
    const one = { a: '1', b: '2' };
    const other = { b: '2', a: '1' };
    const ports = [
      { host: 80, container: 80 },
      { host: 443, container: 443 },
    ];
    const hash = (props: object) => specHash(containerSpec(containerWant({ ...base, ...props })));
    expect(hash({ env: one, labels: one, ports })).toBe(
      hash({ env: other, labels: other, ports: ports.toReversed() }),
    );
    expect(hash({ args: ['a', 'b'] })).not.toBe(hash({ args: ['b', 'a'] }));
  });

  it('does not change its hash between versions of provision', () => {
    const want = containerWant({
      ...base,
      ports: [{ host: 80, container: 8080, address: '10.0.0.5' }],
      mounts: [{ type: 'bind', source: '/data', target: '/var/data', readOnly: true }],
      env: { LEVEL: '1' },
      args: ['--flag'],
      privileged: true,
      labels: { team: 'a' },
      logOptions: { 'max-size': '10m' },
      stopTimeoutSeconds: 30,
    });
    // A new hash would re-create every container of every user: change it only for that price.
    expect(specHash(containerSpec(want))).toBe(
      'd15fb7ae4043e0d94ae91b9a9e8ddc85b33d5aff9996495c20168bdc221ef411',
    );
  });

  it('survives its way through a label', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[A-Z_]{1,8}$/), fc.stringMatching(/^[^\p{Cc}]*$/u)),
        (env) => {
          const spec = containerSpec(containerWant({ ...base, env }));
          const back = parseSpec(JSON.stringify(spec));
          expect(back && specChanges(back, spec)).toEqual([]);
          expect(back && specHash(back)).toBe(specHash(spec));
        },
      ),
    );
  });

  it('names a difference exactly when there is one', () => {
    const field = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.array(fc.string()),
      fc.dictionary(fc.string(), fc.string(), { minKeys: 1 }),
    );
    const spec = fc.dictionary(fc.constantFrom('image', 'env', 'args'), field);
    fc.assert(
      fc.property(spec, spec, (have, want) => {
        const isSame = JSON.stringify(have['image']) === JSON.stringify(want['image']);
        expect(specChanges(have, want).some(({ path }) => path.split('.')[0] === 'image')).toBe(!isSame);
        expect(specChanges(have, have)).toEqual([]);
      }),
    );
  });

  it.each([undefined, '', '{', '[]', 'null', '"x"'])('is none in the label %j', (label) => {
    expect(parseSpec(label)).toBeUndefined();
  });
});
