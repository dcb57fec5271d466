/**
 * Names that a host may give to files so that somebody else's are meant.
 * @example
 * const server = await startSshServer({ sftpNames: hostileFileNames });
 */
export const hostileFileNames: readonly string[] = [
  '../../../../tmp/owned',
  '/etc/passwd',
  '..',
  '.',
  'a/../../b',
  '..\\..\\owned',
  'a\0b',
  'a\nb',
  '-rf',
  '~root',
  '$(touch owned)',
  '`touch owned`',
  '; touch owned',
  '\u001b[2J',
  '\u202etxt.exe',
  '',
  'x'.repeat(4096),
  '__proto__',
];
