import { unsafeCharacter } from './safe-text.ts';
import { defineField, type AskableField } from './value-field.ts';
import { problem, wrong } from './wrong.ts';

/**
 * One line of text. Numbers and true/false are refused: YAML has lost what was written (`1.10` is 1.1, `0644` is 644).
 * @example
 * text({ pattern: /^v\d+\.\d+\.\d+$/, expects: 'a release such as v2.8.5' })
 */
export function text(
  options: {
    /** What the whole text must match. */
    readonly pattern?: RegExp;
    /** What is expected, for messages: `a release such as v2.8.5`. */
    readonly expects?: string;
    /** In characters. Default 4096. */
    readonly maxLength?: number;
  } = {},
): AskableField<string> {
  const { pattern, expects = 'text', maxLength = 4096 } = options;
  return defineField<string>({
    expects,
    schema: { type: 'string', minLength: 1, maxLength, ...(pattern && { pattern: pattern.source }) },
    toQuestion: (message) => ({ type: 'text', message }),
    parse(value) {
      if (typeof value !== 'string' || value === '') return wrong(expects, value, quoteHint(value));
      const unsafe = unsafeCharacter(value);
      if (unsafe)
        return problem(`must be ${expects}, but holds ${unsafe}`, 'write it on one line, without it');
      if (value.length > maxLength)
        return problem(`has ${value.length} characters; at most ${maxLength} are allowed`);
      if (pattern && !matchesWhole(pattern, value)) return problem(`must be ${expects}`);
      return { value };
    },
  });
}

/** For a value that YAML has read as something else than the text that was meant. */
export function quoteHint(value: unknown): string | undefined {
  const isReadByYaml = typeof value === 'number' || typeof value === 'boolean';
  return isReadByYaml ? 'write it in quotes: "…"' : undefined;
}

function matchesWhole(pattern: RegExp, value: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, '')).test(value);
}
