import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sh } from '../../core/script.ts';
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

/** Words of up to 12 characters; half of them are those that some shell gives a meaning. */
function randomWords(seed: number): () => string {
  const special = Array.from('\'"\\`$!*?[]{}()<>|&;#~=%^-+@:, \t\n');
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const plain = () =>
    String.fromCodePoint(below(4) ? 0x21 + below(0x5d) : [0xe4, 0x65e5, 0x1f600, 0xa0][below(4)]!);
  return () =>
    Array.from({ length: below(13) }, () => (below(2) ? special[below(special.length)]! : plain())).join('');
}

for (const shell of shells) {
  const missing = !isThere(shell[0]);
  test.skipIf(missing)(
    `any input reaches a script unchanged in ${shell[0]}`,
    () => {
      const inputs = fc.sample(fc.string({ unit: 'binary', maxLength: 60 }), { numRuns: 300, seed: 1 });
      const clean = inputs.map((input) => Buffer.from(input).toString());
      const frames = clean.map((input) => frame(sh`cat`, marker, input)).join('');
      expect(answers(shell, frames)).toEqual(clean.map((stdout) => ({ code: 0, stdout })));
    },
    60_000,
  );

  test.skipIf(missing)(`any argument reaches a program unchanged in ${shell[0]}`, () => {
    const word = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text).toString());

    const words = fc
      .sample(word, { numRuns: 500, seed: 2 })
      .filter((text) => !/[\0-\x08\x0b-\x1f\x7f]/.test(text));
    const frames = words.map((text) => frame(sh`printf %s ${text}`, marker)).join('');
    expect(answers(shell, frames)).toEqual(words.map((stdout) => ({ code: 0, stdout })));
  });

  test.skipIf(missing)(
    `F46: a program that reads its input does not eat the scripts behind it: ${shell[0]}`,
    () => {
      const greedy = [sh`cat`, sh`read line; echo "$line"`, sh`cat | cat; (cat &) ; wait`, sh`exec cat`];
      const frames = [...greedy, sh`echo alive`].map((script) => frame(script, marker)).join('');
      expect(answers(shell, frames).map(({ stdout }) => stdout)).toEqual(['', '\n', '', '', 'alive\n']);
    },
  );

  test.skipIf(missing)(
    `G15: 100 000 random words reach a program unchanged in ${shell[0]}`,
    () => {
      const random = randomWords(15);
      for (let batch = 0; batch < 10; batch++) {
        const words = Array.from({ length: 10_000 }, random);
        const [answer] = answers(shell, frame(sh`printf '%s\0' ${words}`, marker));
        expect(answer?.stdout.split('\0').slice(0, -1)).toEqual(words);
      }
    },
    120_000,
  );

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

test.each(shells.filter(([name]) => isThere(name)).map((shell) => [shell.join(' '), shell] as const))(
  'F46: a frame that was cut off on its way does nothing, wherever it was cut: %s',
  (_name, [program, ...options]) => {
    const folder = mkdtempSync(join(tmpdir(), 'provision-'));
    const effect = join(folder, 'effect');
    const whole = frame(sh`touch ${effect}`, marker, 'input');
    for (let end = 0; end < whole.length - 1; end++) {
      spawnSync(program, [...options, '-s'], { input: whole.slice(0, end) });
      expect(existsSync(effect), whole.slice(0, end)).toBe(end > whole.lastIndexOf('}'));
    }
    rmSync(folder, { recursive: true });
  },
  120_000,
);
