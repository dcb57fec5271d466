import { describe, expect, test } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import { directory } from '../resources/directory.ts';
import { file } from '../resources/file.ts';
import { hostPathProblem, splitHostPath } from './host-path.ts';

describe('S40: a path that leads elsewhere than it seems is refused', () => {
  test.each([
    ['', 'not absolute'],
    ['etc/passwd', 'not absolute'],
    ['./etc', 'not absolute'],
    ['../etc', 'not absolute'],
    ['~root/.ssh/authorized_keys', 'not absolute'],
    ['~/x', 'not absolute'],
    ['C:\\Windows', 'not absolute'],
    ['\\etc\\passwd', 'not absolute'],
    ['file:///etc/passwd', 'not absolute'],
    ['-rf', 'not absolute'],
    [' /etc', 'not absolute'],
    ['/..', '".."'],
    ['/../etc', '".."'],
    ['/etc/..', '".."'],
    ['/etc/../shadow', '".."'],
    ['/etc/./shadow', '"."'],
    ['/.', '"."'],
    ['/etc/nginx/../../root/.ssh/id', '".."'],
    ['//etc', '"//"'],
    ['/etc//shadow', '"//"'],
    ['/etc/', 'ends with "/"'],
    ['/etc/nginx/', 'ends with "/"'],
    ['/etc/shadow\0.conf', 'control character'],
    ['/etc/\nshadow', 'control character'],
    ['/etc/\rshadow', 'control character'],
    ['/etc/\u001b[2J', 'control character'],
    ['/etc/\tx', 'control character'],
    ['/etc/\u007f', 'control character'],
    [`/${'a'.repeat(4095)}`, 'longer than 4095 bytes'],
    [`/${'ä'.repeat(2048)}`, 'longer than 4095 bytes'],
  ])('%j', (path, why) => {
    expect(hostPathProblem(path)).toContain(why);
    for (const make of [() => file({ path, content: '' }), () => directory({ path })]) {
      const told = refusalOf(make);
      expect(told?.code).toBe('PLAYBOOK');
      expect(told?.happened).toContain(why);
    }
  });

  // These are names like any other to the kernel, and must not be turned into something else on the way.
  test.each([
    ['/etc/%2e%2e/shadow', '/etc/%2e%2e', 'shadow'],
    ['/etc/..\\shadow', '/etc', '..\\shadow'],
    ['/etc/...', '/etc', '...'],
    ['/etc/.hidden', '/etc', '.hidden'],
    ['/etc/a b', '/etc', 'a b'],
    ["/etc/it's", '/etc', "it's"],
    ['/etc/$(id)', '/etc', '$(id)'],
    ['/etc/-rf', '/etc', '-rf'],
    ['/etc/*', '/etc', '*'],
    ['/x', '/', 'x'],
  ])('%j is the name that it is', (path, folder, name) => {
    expect(hostPathProblem(path)).toBeUndefined();
    expect(splitHostPath(path)).toEqual([folder, name]);
  });
});

function refusalOf(make: () => unknown) {
  try {
    make();
    return undefined;
  } catch (error) {
    return problemsOf(error)[0];
  }
}
