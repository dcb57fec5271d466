import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sh } from '../core/script.ts';
import { AnswerReader } from './answer-reader.ts';
import { frame } from './frame.ts';

const marker = '0123456789abcdef';
const shells = [['dash'], ['bash', '--posix'], ['busybox', 'sh']] as const;
const isThere = (name: string) => spawnSync(name, ['-c', 'true']).error === undefined;

/** What a shell answers to frames on its stdin. */
function answers(shell: readonly string[], frames: string): { code: number; stdout: string }[] {
  const [program = 'sh', ...options] = shell;
  const { stdout } = spawnSync(program, [...options, '-s'], { input: frames, maxBuffer: 1e8 });
  const found: { code: number; stdout: string }[] = [];
  const onAnswer = ({ value, text }: { value: number; text: string }) =>
    found.push({ code: value, stdout: text });
  new AnswerReader({ marker, keep: { head: 1e7, tail: 1e7 }, onAnswer }).push(stdout);
  return found;
}

for (const shell of shells) {
  const missing = !isThere(shell[0]);
  test.skipIf(missing)(`any input reaches a script unchanged in ${shell[0]}`, () => {
    const inputs = fc.sample(fc.string({ unit: 'binary', maxLength: 60 }), { numRuns: 300, seed: 1 });
    const clean = inputs.map((input) => Buffer.from(input).toString());
    const frames = clean.map((input) => frame(sh`cat`, marker, input)).join('');
    expect(answers(shell, frames)).toEqual(clean.map((stdout) => ({ code: 0, stdout })));
  });

  test.skipIf(missing)(`any argument reaches a program unchanged in ${shell[0]}`, () => {
    const word = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text).toString());

    const words = fc
      .sample(word, { numRuns: 500, seed: 2 })
      .filter((text) => !/[\0-\x08\x0b-\x1f\x7f]/.test(text));
    const frames = words.map((text) => frame(sh`printf %s ${text}`, marker)).join('');
    expect(answers(shell, frames)).toEqual(words.map((stdout) => ({ code: 0, stdout })));
  });

  test.skipIf(missing)(`a script cannot end, stop or confuse the shell: ${shell[0]}`, () => {
    const scripts = [
      sh`exit 4`,
      sh`if`,
      sh`exec cat`,
      sh`set -eu; echo "$unset"`,
      sh`trap 'exit 9' EXIT`,
      sh`}`,
      sh`echo )`,
      sh`cat <<X`,
    ];
    const found = answers(
      shell,
      [...scripts, sh`echo alive`].map((script) => frame(script, marker)).join(''),
    );
    expect(found).toHaveLength(scripts.length + 1);
    expect(found.at(-1)).toEqual({ code: 0, stdout: 'alive\n' });
  });
}

test('a frame that was cut off on its way does nothing, wherever it was cut', () => {
  const folder = mkdtempSync(join(tmpdir(), 'provision-'));
  const effect = join(folder, 'effect');
  const whole = frame(sh`touch ${effect}`, marker, 'input');
  for (let end = 0; end < whole.length - 1; end++) {
    spawnSync('sh', ['-s'], { input: whole.slice(0, end) });
    expect(existsSync(effect), whole.slice(0, end)).toBe(end > whole.lastIndexOf('}'));
  }
  rmSync(folder, { recursive: true });
}, 20_000);
