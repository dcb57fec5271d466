/**
 * What is wrong with a path for use on a host, or undefined when it is absolute, normal and can be written on one line.
 * @example
 * hostPathProblem('/etc/../shadow'); // => 'holds ".."'
 */
export function hostPathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'is not absolute';
  if (Buffer.byteLength(path) > 4095) return 'is longer than 4095 bytes';
  if (/[\0-\x1f\x7f]/.test(path)) return 'holds a control character';
  if (path !== '/' && path.endsWith('/')) return 'ends with "/"';
  const parts = path.slice(1).split('/');
  if (path !== '/' && parts.includes('')) return 'holds "//"';
  const dots = parts.find((part) => part === '.' || part === '..');
  return dots === undefined ? undefined : `holds "${dots}"`;
}

/** The folder that holds a path, and the name in it: `['/etc', 'hosts']`. */
export function splitHostPath(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf('/');
  return [path.slice(0, slash) || '/', path.slice(slash + 1)];
}
