import { isAbsolute, join, resolve } from 'node:path';
import type { Read } from './read-value.ts';

/** What paths of a configuration may be made of. */
export interface PathWorld {
  /** What `~` and `%d` stand for; absolute. */
  readonly home: string;
  /** Where relative paths start; absolute. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What `%h`, `%u` … stand for, by their letter. */
  readonly tokens: Readonly<Record<string, string>>;
}

/**
 * A path of a configuration with `~`, `%` tokens and `${NAME}` replaced.
 * @see ssh_config(5), "TOKENS" and "ENVIRONMENT VARIABLES"
 * @example
 * expandPath('~/.ssh/%h', { home: '/home/me', folder: '/', environment: {}, tokens: { h: 'web-1' } }); // => { value: '/home/me/.ssh/web-1' }
 */
export function expandPath(path: string, world: PathWorld): Read<string> {
  if (/^~[^/]/.test(path)) return { fault: `${path}: ~ stands for your own home only; give the whole path` };
  const whole = path.startsWith('~') ? join(world.home, path.slice(1)) : path;
  let fault: string | undefined;
  const expanded = whole.replace(
    /%(.?)|\$\{([^}]*)(\}?)/gs,
    (_, token?: string, name?: string, end?: string) => {
      if (token === '%') return '%';
      const value = token === undefined ? end && world.environment[name!] : lookUp(world.tokens, token);
      if (value === undefined || value === '')
        fault ??=
          token === undefined ? `the environment variable ${name} is not set` : `%${token} is not known here`;
      return value ?? '';
    },
  );
  if (fault !== undefined) return { fault: `${path}: ${fault}` };
  if (/[\0-\x1f\x7f]/.test(expanded)) return { fault: 'holds a control character' };
  return { value: isAbsolute(expanded) ? expanded : resolve(world.folder, expanded) };
}

function lookUp(tokens: Readonly<Record<string, string>>, token: string): string | undefined {
  return Object.hasOwn(tokens, token) ? tokens[token] : undefined;
}
