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

/**
 * Whether one of several patterns between commas fits, and none that begins with `!`.
 * @example
 * matchesPatternList('*.example.com,!db.example.com', 'db.example.com'); // => false
 */
export function matchesPatternList(patterns: string, name: string): boolean {
  let matched = false;
  for (const pattern of patterns.split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}
