import type { Change } from '../core/change.ts';
import type { Effect } from '../core/effect.ts';
import type { ContainerHave } from './container-state.ts';
import type { ContainerWant } from './container-want.ts';

/** What changes of a container entail: whether it is new, comes in the place of another, or is only started. */
export function containerEffects(
  have: ContainerHave | undefined,
  { name, image }: ContainerWant,
  changes: readonly Change[],
): Effect[] {
  if (have?.engine === 'silent') return [];
  const what = `container ${name}`;
  const paths = changes.map(({ path }) => path);
  const download: Effect[] = paths.includes('image')
    ? [{ type: 'download', what: `image ${image}, unless the host has it` }]
    : [];
  if (!have) return [...download, { type: 'start', what }];
  if (paths.some((path) => !inPlace.has(path))) {
    return [...download, { type: 'replace', what: `${what}, which is down meanwhile` }];
  }
  const { current, previous } = have;
  if (paths.includes('state') || !current || previous) return [{ type: 'restart', what }];
  return [];
}

/** Changes that need no other container. */
const inPlace: ReadonlySet<string> = new Set(['replacement', 'name', 'restart', 'state', 'ready']);
