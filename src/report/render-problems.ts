import type { Problem } from '../core/errors.ts';
import { cleaner } from './clean-event.ts';
import { mapTexts } from './map-texts.ts';
import { problemBlock } from './problem-block.ts';
import { createStyle } from './style.ts';

/**
 * Problems that ended the command before or outside a run, for stderr.
 * @example
 * sink.message(renderProblems(problemsOf(error), { color: true, unicode: true }), 'own');
 */
export function renderProblems(
  problems: readonly Problem[],
  options: { readonly color: boolean; readonly unicode: boolean; readonly folder?: string },
): string {
  const style = createStyle(options);
  return problems
    .flatMap((problem) =>
      problemBlock(mapTexts(problem, cleaner(options.unicode)), { style, folder: options.folder }),
    )
    .join('\n');
}
