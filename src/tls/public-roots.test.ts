import { rootCertificates } from 'node:tls';
import { expect, it } from 'vitest';
import { isSelfSigned } from './certificate.ts';
import { publicRoots } from './public-roots.ts';

it('knows the roots of Node, each of them one that other certificates can lead to', () => {
  const roots = publicRoots();
  expect(roots).toHaveLength(rootCertificates.length);
  expect(roots.filter((root) => !(root.ca && isSelfSigned(root)))).toEqual([]);
  expect(roots.some((root) => root.subject.includes('CN=ISRG Root X1'))).toBe(true);
});

it('parses them once', () => {
  expect(publicRoots()).toBe(publicRoots());
});
