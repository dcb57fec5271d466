import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../core/secret.ts';
import { sealFits, sealSecrets } from './container-seal.ts';

const secrets = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, new Secret(value, name)]));

describe('a seal', () => {
  it('fits the same secrets in any order, and no others', async () => {
    const seal = await sealSecrets(secrets({ A: 'one', B: 'two' }));
    expect(await sealFits(seal, secrets({ B: 'two', A: 'one' }))).toBe(true);
    expect(await sealFits(seal, secrets({ A: 'two', B: 'one' }))).toBe(false);
    expect(await sealFits(seal, secrets({ A: 'one' }))).toBe(false);
  });

  it('is another each time, so that equal secrets do not show', async () => {
    const [one, other] = await Promise.all([
      sealSecrets(secrets({ A: 'x' })),
      sealSecrets(secrets({ A: 'x' })),
    ]);
    expect(one).not.toBe(other);
  });

  it('is not fooled by what a host may put in its place', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.constantFrom('scrypt1::', 'scrypt1:a:b', 'scrypt2:a:b')),
        async (seal) => {
          expect(await sealFits(seal, secrets({ A: 'x' }))).toBe(false);
        },
      ),
    );
  });
});
