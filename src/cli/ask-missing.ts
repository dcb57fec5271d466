import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { AnyField, Parsed, Question } from '../core/field.ts';
import { Secret } from '../core/secret.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { fieldContext, type OutsideWorld } from '../inventory/outside-world.ts';
import type { MissingValue } from '../inventory/resolve-inventory.ts';
import { saveAnswers } from '../inventory/save-answers.ts';
import type { GivenAnswer } from '../inventory/with-answers.ts';
import type { Sink } from '../report/sink.ts';
import { answerConfirm, answerPath, answerSecret, answerSelect, answerText } from './prompts.ts';

/**
 * Asks at the terminal for what the inventory leaves open, each answer checked at once, and offers to write the answers
 * into the inventory. Contacts nothing.
 */
export async function askMissing(
  missing: readonly MissingValue[],
  inventory: Inventory,
  world: OutsideWorld,
  sink: Sink,
): Promise<readonly GivenAnswer[]> {
  const answers: GivenAnswer[] = [];
  for (const value of missing) {
    const asking = new Asking(inventory, world, sink, value.name, answers);
    answers.push(await askOne(value, asking, sink));
  }
  await offerToSave(answers, inventory, sink);
  return answers;
}

async function askOne(value: MissingValue, asking: Asking, sink: Sink): Promise<GivenAnswer> {
  for (;;) {
    const answer = await asking.ask(value.question, value.field, value.name);
    const problem = await asking.problemWith(value.field, answer);
    if (problem === undefined) return { at: value.at, value: answer };
    sink.message(`  ${problem.replaceAll('\n', '\n  ')}`);
  }
}

class Asking {
  readonly #inventory: Inventory;
  readonly #world: OutsideWorld;
  readonly #sink: Sink;
  readonly #name: string;
  readonly #vars: Record<string, unknown>;

  constructor(
    inventory: Inventory,
    world: OutsideWorld,
    sink: Sink,
    name: string,
    before: readonly GivenAnswer[],
  ) {
    this.#inventory = inventory;
    this.#world = { ...world, readOnly: true };
    this.#sink = sink;
    this.#name = name;
    // Checks across values look at the others of the same host: what all hosts share, and what was just answered.
    this.#vars = Object.fromEntries([
      ...[...inventory.groups.values()].flatMap((group) =>
        [...group.vars].flatMap(([key, { node }]) => (node.type === 'scalar' ? [[key, node.value]] : [])),
      ),
      ...before.map((answer) => [answer.at.at(-1)!, answer.value]),
    ]) as Record<string, unknown>;
  }

  async ask(question: Question, field: AnyField, label: string): Promise<unknown> {
    const validate = (value: unknown) => this.problemWith(field, value);
    switch (question.type) {
      case 'choice':
        return this.#askChoice(question);
      case 'path':
        return answerPath(
          question.message,
          (typed) => completions(typed, this.#inventory.folder, question.extensions),
          validate,
        );
      case 'secret':
        return new Secret(await answerSecret(question.message), label);
      case 'text':
        return answerText(question.message, validate);
    }
  }

  async #askChoice(question: Question & { readonly type: 'choice' }): Promise<unknown> {
    const chosen = await answerSelect(question.message, question.choices);
    const choice = question.choices.find(({ value }) => value === chosen)!;
    const answers: Record<string, unknown> = { option: chosen };
    for (const [name, field] of Object.entries(choice.fields)) {
      if (field.question) answers[name] = await this.ask(field.question, field, name);
    }
    return answers;
  }

  /** What is wrong with an answer, in words; undefined when it is fit. */
  async problemWith(field: AnyField, value: unknown): Promise<string | undefined> {
    const context = fieldContext(this.#world, {
      folder: this.#inventory.folder,
      name: this.#name,
      vars: this.#vars,
      warn: (_path, text) => this.#sink.message(`  warning: ${text}`),
    });
    let parsed: Parsed<unknown>;
    try {
      parsed = await field.parse(value, context);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    if (!('problems' in parsed)) return undefined;
    return parsed.problems
      .map(({ path, happened, remedy }) =>
        [[...path.map(String), happened].join(': '), remedy].filter(Boolean).join('; '),
      )
      .join('\n');
  }
}

async function offerToSave(answers: readonly GivenAnswer[], inventory: Inventory, sink: Sink): Promise<void> {
  const writable = answers.filter(({ value }) => !holdsSecret(value));
  if (writable.length === 0) return;
  if (!(await answerConfirm(`Write the answers into ${inventory.file}, so that they are not asked again?`)))
    return;
  await saveAnswers(inventory.file, writable as Parameters<typeof saveAnswers>[1]);
  sink.message(`  written: ${writable.map(({ at }) => at.join('.')).join(', ')}`);
}

/** What is answered to a choice may hold one further down. */
function holdsSecret(value: unknown): boolean {
  if (value instanceof Secret) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsSecret);
}

/** Files and folders that begin with what was typed; folders end with a slash. */
function completions(typed: string, folder: string, extensions: readonly string[] = []): string[] {
  const inside =
    typed.endsWith('/') || typed === '' ? typed : dirname(typed) === '.' ? '' : `${dirname(typed)}/`;
  const start = typed.endsWith('/') ? '' : basename(typed);
  try {
    return readdirSync(resolve(folder, inside || '.'))
      .filter((name) => name.startsWith(start) && (start.startsWith('.') || !name.startsWith('.')))
      .map((name) =>
        statSync(resolve(folder, inside, name)).isDirectory() ? `${join(inside, name)}/` : join(inside, name),
      )
      .filter(
        (path) =>
          path.endsWith('/') || extensions.length === 0 || extensions.some((end) => path.endsWith(end)),
      )
      .slice(0, 50);
  } catch {
    return [];
  }
}
