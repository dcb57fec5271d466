import { ProvisionError } from '../core/errors.ts';
import { maskText } from '../report/mask.ts';
import { sanitize } from '../report/sanitize.ts';

/*
 * The only file that knows inquirer. Its prompts draw on stderr, so that stdout stays the result; an ended input or Ctrl-C
 * is an error of ours instead of an exit in the middle of an exit handler.
 */

type Validate = (value: string) => Promise<string | undefined>;

export async function answerText(message: string, validate: Validate): Promise<string> {
  return prompt({ type: 'input', message, validate: orTrue(validate) });
}

export async function answerSecret(message: string): Promise<string> {
  const validate = (answer: string) => answer !== '' || 'It must not be empty.';
  return prompt({ type: 'password', message, mask: false, toggleMask: false, validate });
}

export async function answerSelect(
  message: string,
  choices: readonly { readonly value: string; readonly title: string; readonly description?: string }[],
): Promise<string> {
  const options = choices.map(({ value, title, description }) => ({
    value,
    name: title,
    ...(description !== undefined && { description }),
  }));
  return prompt({ type: 'select', message, choices: options });
}

/** One key, and Return; Return alone stands for `usual`. */
export async function answerKey<Value extends string>(
  message: string,
  answers: readonly { readonly key: string; readonly value: Value; readonly title: string }[],
  usual: string,
): Promise<Value> {
  const choices = answers.map(({ key, value, title }) => ({ key, value, name: title }));
  return prompt({ type: 'expand', message, choices, default: usual });
}

/** Default no: an accidental Return must never change a host or a file. */
export async function answerConfirm(message: string): Promise<boolean> {
  return prompt({ type: 'confirm', message, default: false });
}

/** A path, with the files that fit offered while it is typed. */
export async function answerPath(
  message: string,
  complete: (typed: string) => readonly string[],
  validate: Validate,
): Promise<string> {
  return prompt({
    type: 'search',
    message,
    source: (typed: string | undefined) => {
      const own = typed ?? '';
      const found = complete(own).map((path) => ({ value: path, name: path }));
      return own === '' || found.some(({ value }) => value === own)
        ? found
        : [...found, { value: own, name: own }];
    },
    validate: orTrue(validate),
  });
}

/** inquirer draws by itself: what it is given must be fit to be shown. */
function shown<T>(value: T): T {
  return typeof value === 'string' ? (sanitize(maskText(value)) as T) : value;
}

function orTrue(validate: Validate) {
  return async (value: string) => shown((await validate(value)) ?? true);
}

async function prompt<T>(question: Record<string, unknown>): Promise<T> {
  const { default: inquirer } = await import('inquirer');
  const ask = inquirer.createPromptModule({ output: process.stderr });
  try {
    const message = shown(question['message']);
    const answers = (await ask({ ...question, message, name: 'answer' } as never)) as unknown as {
      readonly answer: T;
    };
    return answers.answer;
  } catch (error) {
    if (!(error instanceof Error) || !['ExitPromptError', 'AbortPromptError'].includes(error.name))
      throw error;
    throw new Interrupted({ cause: error });
  }
}

/** A person has ended a prompt with Ctrl-C. */
export class Interrupted extends ProvisionError {
  constructor(options: { cause: unknown }) {
    super(
      { code: 'NEED_INPUT', happened: 'the question was not answered', hostState: 'nothing was contacted' },
      options,
    );
  }
}
