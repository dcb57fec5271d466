/** Whether a person can be asked: both ends of the conversation are a terminal, and nobody has ruled it out. */
export function canAsk(request: { readonly input: boolean; readonly output: string }): boolean {
  const terminal = process.stdin.isTTY && process.stderr.isTTY;
  return terminal && request.input && request.output === 'human' && !process.env['CI'];
}

/** How the terminal wants to be written to. */
export function terminalStyle() {
  const plain = Boolean(process.env['NO_COLOR']);
  const locale = process.env['LC_ALL'] ?? process.env['LC_CTYPE'] ?? process.env['LANG'] ?? '';
  return {
    color: { stdout: !plain && process.stdout.isTTY, stderr: !plain && process.stderr.isTTY },
    unicode: /utf-?8/i.test(locale) || process.platform === 'darwin',
    movable: process.stderr.isTTY && process.env['TERM'] !== 'dumb' && !process.env['CI'],
  };
}
