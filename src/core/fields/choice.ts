import { didYouMean } from '../suggest.ts';
import { quoteHint } from './text.ts';
import { defineField, type AskableField } from './value-field.ts';
import { problem, wrong } from './wrong.ts';

/**
 * One of some words.
 * @example
 * choice('off', 'metadata', 'request').default('off')
 */
export function choice<const Word extends string>(...words: readonly [Word, ...Word[]]): AskableField<Word> {
  const expects = words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`;
  return defineField<Word>({
    expects,
    schema: { enum: words },
    toQuestion: (message) => ({
      type: 'choice',
      message,
      choices: words.map((word) => ({ value: word, title: word, fields: {} })),
    }),
    parse(value) {
      if (typeof value !== 'string') return wrong(expects, value, quoteHint(value));
      const found = words.find((word) => word === value);
      if (found !== undefined) return { value: found };
      const near = didYouMean(value, words);
      return problem(`must be ${expects}`, near === undefined ? undefined : `did you mean "${near}"?`);
    },
  });
}
