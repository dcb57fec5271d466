import type { Style } from './style.ts';
import type { RenderChanges } from './changes.ts';

/** What every view for people is given. */
export interface View {
  readonly style: Style;
  readonly renderChanges: RenderChanges;
  /** -1: problems and warnings only; 0: what changes too; 1 and more: every step. */
  readonly verbosity: number;
  /** Whether `renderChanges` shows texts line by line. */
  readonly showDiff: boolean;
  /** Files inside this folder are shown relative to it. */
  readonly folder?: string | undefined;
}
