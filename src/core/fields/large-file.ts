import type { LargeFile } from '../large-file.ts';
import { expectsFile, namedFile } from './local-file.ts';
import { defineField, type AskableField } from './value-field.ts';

/**
 * A file of the controller of any size, such as an archive of images, that is not secret. It must be there before
 * anything is contacted; it is read only when a host may lack it, and goes out piece by piece.
 * @example
 * const archive = largeFile({ extensions: ['.tar'] }).ask('Archive with the images');
 * // in a play:
 * file({ path: '/opt/images.tar', source: vars.archive })
 */
export function largeFile(
  options: {
    /** What the prompt offers: `['.tar', '.gz']`. Other files are accepted all the same. */
    readonly extensions?: readonly string[];
  } = {},
): AskableField<LargeFile> {
  return defineField<LargeFile>({
    expects: expectsFile,
    schema: { type: 'string', minLength: 1 },
    toQuestion: (message) => ({ type: 'path', message, ...options }),
    async parse(value, context) {
      const opened = await namedFile(value, context, (path) => context.largeFile(path));
      return 'problems' in opened ? opened : { value: opened.found };
    },
  });
}
