import { userInfo } from 'node:os';

/** Who runs this. A container may run as a user that has no name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
