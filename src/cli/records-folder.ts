import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Where records are kept. @see https://specifications.freedesktop.org/basedir-spec/latest/ */
export function recordsFolder(): string {
  const given = process.env['XDG_STATE_HOME'];
  const base = given !== undefined && isAbsolute(given) ? given : join(homedir(), '.local', 'state');
  return join(base, 'provision', 'runs');
}
