import { describe, expect, it } from 'vitest';
import type { Change } from '../core/change.ts';
import { createChangeRenderer } from './changes.ts';
import { createStyle } from './style.ts';

const plain = createStyle({ color: false, unicode: true });

async function render(changes: Change[], showDiff = false): Promise<string[]> {
  return (await createChangeRenderer({ showDiff, style: plain }))(changes);
}

describe('createChangeRenderer', () => {
  it('shows values as from → to', async () => {
    expect(
      await render([
        { type: 'value', path: 'mode', have: '0644', want: '0600' },
        { type: 'value', path: 'running', want: true },
        { type: 'value', path: 'ports', have: [80], want: [80, 443] },
        { type: 'value', path: 'label', have: '', want: 'x' },
      ]),
    ).toEqual(['mode: 0644 → 0600', 'running: absent → true', 'ports: [80] → [80,443]', 'label: "" → x']);
  });

  it('shows of a secret that it differs, and nothing more', async () => {
    const changes: Change[] = [
      { type: 'secret', path: 'content', have: 'differs' },
      { type: 'secret', path: 'content', have: 'absent' },
    ];
    expect(await render(changes, true)).toEqual(['content differs (secret)', 'content is absent (secret)']);
  });

  it('shows what cannot be known yet as such', async () => {
    expect(await render([{ type: 'unknown', path: 'id' }])).toEqual(['id: known after apply']);
  });

  const text: Change = { type: 'text', path: 'content', have: 'a\nb\nc\n', want: 'a\nB\nc\nd\n' };

  it('shows texts by their number of lines', async () => {
    expect(await render([text])).toEqual(['content: 3 lines → 4 lines']);
  });

  it('shows texts as a unified diff when asked', async () => {
    expect(await render([text], true)).toEqual([
      'content: 3 lines → 4 lines',
      '@@ -1,3 +1,4 @@',
      ' a',
      '-b',
      '+B',
      ' c',
      '+d',
    ]);
  });

  it('shows a new text as all added, and a missing newline at the end', async () => {
    expect(await render([{ type: 'text', path: 'content', want: 'a\nb' }], true)).toEqual([
      'content: absent → 2 lines',
      '@@ -0,0 +1,2 @@',
      '+a',
      '+b',
      '\\ No newline at end of file',
    ]);
  });

  it('says that a secret part differs when the rest is the same', async () => {
    const change: Change = { type: 'text', path: 'content', have: 'key=***\n', want: 'key=***\n' };
    expect(await render([change], true)).toEqual(['content differs (secret)']);
  });

  it('cuts a long diff and a long value', async () => {
    const want = Array.from({ length: 500 }, (_, index) => `line ${index}\n`).join('');
    const lines = await render([{ type: 'text', path: 'content', want }], true);
    expect(lines).toHaveLength(202);
    expect(lines.at(-1)).toBe('… 301 more lines');
    const [value] = await render([{ type: 'value', path: 'x', want: 'y'.repeat(1000) }]);
    expect(value).toBe(`x: absent → ${'y'.repeat(120)}…`);
  });

  it('gives up in time on texts that are too different', async () => {
    const noise = (seed: number) =>
      Array.from({ length: 30_000 }, (_, i) => `${(i * seed) % 9973}\n`).join('');
    const lines = await render(
      [{ type: 'text', path: 'content', have: noise(7919), want: noise(104_729) }],
      true,
    );
    expect(lines).toEqual(['content: 30000 lines → 30000 lines; too different to show line by line']);
  }, 30_000);

  it('keeps a value of a host on its line', async () => {
    expect(await render([{ type: 'value', path: 'x', have: 'a\u001b[2J', want: 'b' }])).toEqual([
      'x: a\\x1b[2J → b',
    ]);
  });
});
