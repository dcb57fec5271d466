import type { Contender } from '../contender.ts';

/** What starting costs whatever is written for Node. */
export const node: Contender = {
  name: 'node',
  about: '`node -e 0`',
  missing: () => undefined,
  command: ({ kind }) => (kind === 'start' ? { program: process.execPath, args: ['-e', '0'] } : undefined),
};
