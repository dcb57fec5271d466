import { Secret } from '../core/secret.ts';
import type { FileContent } from './file-content.ts';

/** Bytes. */
export function sizeOf(content: FileContent): number {
  return Buffer.byteLength(content instanceof Secret ? content.reveal() : content);
}

/**
 * Shell text, to be read from standard input, that writes each content to its place. Text is written by a builtin, without a
 * process for each file; a shell variable or word holds no NUL, so what is no text goes through `base64`.
 */
export function fillScript(
  files: readonly { readonly content: FileContent; readonly staged: string }[],
): string {
  const lines = files.map(({ content, staged }) => {
    const text = textOf(content);
    return text === undefined
      ? `printf %s ${word(bytesOf(content).toString('base64'))} | base64 -d >${word(staged)} || exit\n`
      : `printf %s ${word(text)} >${word(staged)} || exit\n`;
  });
  return lines.join('');
}

/** Undefined for what is not exactly the UTF-8 of a text without NUL. */
function textOf(content: FileContent): string | undefined {
  const bytes = bytesOf(content);
  const text = bytes.toString('utf8');
  return text.includes('\0') || !Buffer.from(text, 'utf8').equals(bytes) ? undefined : text;
}

function bytesOf(content: FileContent): Buffer {
  return Buffer.from(content instanceof Secret ? content.reveal() : content);
}

function word(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
