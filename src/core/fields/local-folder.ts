import type { LocalFolder } from '../local-folder.ts';
import { namedFile } from './local-file.ts';
import { defineField, type AskableField } from './value-field.ts';

/**
 * A folder beside the inventory or anywhere on the controller that is not secret: at most 2000 files and 64 MB, without links.
 * @example
 * const pages = localFolder();
 * // in a play:
 * fileTree({ path: '/srv/www', source: vars.pages })
 */
export function localFolder(): AskableField<LocalFolder> {
  return defineField<LocalFolder>({
    expects,
    schema: { type: 'string', minLength: 1 },
    toQuestion: (message) => ({ type: 'path', message }),
    async parse(value, context) {
      const read = await namedFile(value, context, (path) => context.readFolder(path), expects);
      return 'problems' in read ? read : { value: Object.freeze({ path: read.path, files: read.found }) };
    },
  });
}

const expects = 'the path of a folder';
