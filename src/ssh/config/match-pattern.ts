/**
 * `*` and `?` as OpenSSH knows them. By hand, since a regular expression made of `*a*a*a…` can take for ever.
 * @example
 * matchesPattern('*.example.com', 'web.example.com'); // => true
 */
export function matchesPattern(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < name.length;) {
    if (pattern[at] === '*') {
      star = at++;
      resume = index;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

const maxLength = 1022;

/**
 * Whether one of several patterns between commas fits, and none that begins with `!`.
 * @example
 * matchesPatternList('*.example.com,!db.example.com', 'db.example.com'); // => false
 */
export function matchesPatternList(patterns: string, name: string): boolean {
  let matched = false;
  for (const entry of patterns.split(',')) {
    const negated = entry.startsWith('!');
    const pattern = negated ? entry.slice(1) : entry;
    // OpenSSH has no room for more, and takes the whole list for one that does not fit.
    if (pattern.length > maxLength) return false;
    if (!matchesPattern(pattern, name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}
