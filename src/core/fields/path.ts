import { unsafeCharacter } from './safe-text.ts';
import { defineField, type AskableField } from './value-field.ts';
import { problem, wrong } from './wrong.ts';

const expects = 'an absolute path on the host such as /opt/rancher';

/**
 * An absolute path on the host, below `/`: no `.` or `..`, no control characters, one slash at a time, none at its end.
 * @example
 * path().default('/opt/rancher')
 */
export function path(): AskableField<string> {
  return defineField<string>({
    expects,
    schema: { type: 'string', pattern: '^(/[^/]+)+$', maxLength: 4095 },
    toQuestion: (message) => ({ type: 'text', message }),
    parse(value) {
      if (typeof value !== 'string' || value === '') return wrong(expects, value);
      const fault = faultOf(value);
      return fault === undefined ? { value } : problem(`must be ${expects}, but ${fault}`);
    },
  });
}

function faultOf(path: string): string | undefined {
  const unsafe = unsafeCharacter(path);
  if (unsafe) return `holds ${unsafe}`;
  if (!path.startsWith('/')) return 'does not start with /';
  if (path === '/') return 'is the root of all files';
  const names = path.slice(1).split('/');
  if (names.includes('')) return path.endsWith('/') ? 'ends with /' : 'has two slashes in a row';
  if (names.includes('.') || names.includes('..')) return 'has . or .. in it';
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  // Limits of Linux: NAME_MAX, and PATH_MAX with its final NUL.
  if (names.some((name) => bytes(name) > 255) || bytes(path) > 4095) return 'is longer than Linux allows';
  return undefined;
}
