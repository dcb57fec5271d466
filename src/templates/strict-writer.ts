import Mustache from 'mustache';
import type { Problem } from '../core/errors.ts';
import { formatProblem } from '../core/errors.ts';
import type { SourceLocation } from '../core/source.ts';
import { didYouMean } from '../core/suggest.ts';
import type { Tags } from './explain-syntax.ts';
import { explainSyntax, textTagsRemedy } from './explain-syntax.ts';
import type { Dialect, Refusal } from './refusal.ts';
import { refuseCondition, refuseScalar } from './refusal.ts';
import { StrictContext, unknowable } from './strict-context.ts';
import type { TemplateSource } from './template-source.ts';
import { locate, openTemplate, partialFile } from './template-source.ts';

/** Renders a template, and collects each problem on the way where mustache itself would print nothing. */
export function renderStrictly(
  source: TemplateSource,
  view: object,
  options: { readonly tags: Tags; readonly dialect: Dialect },
): { readonly text: string; readonly problems: readonly Problem[] } {
  const writer = new StrictWriter(options.tags, options.dialect);
  const context = new StrictContext(view);
  const text = writer.renderSource(source, context);
  writer.reportUnused(source, context);
  return { text, problems: writer.problems };
}

/** The names that a template asks for; found by rendering it with a view of which nothing is known. */
export function surveyNames(
  source: TemplateSource,
  tags: Tags,
): { readonly names: readonly string[]; readonly problems: readonly Problem[] } {
  const writer = new StrictWriter(tags, 'plain');
  writer.renderSource(source, new StrictContext(unknowable));
  return { names: [...writer.names], problems: writer.problems };
}

/** The one place that knows mustache. It leaves parsing and white space to it, and takes over what a tag means. */
class StrictWriter extends Mustache.Writer {
  readonly #problems = new Map<string, Problem>();
  readonly names = new Set<string>();
  readonly #tags: Tags;
  readonly #dialect: Dialect;
  readonly #suggested = new Set<string>();
  /** The template being rendered and those that include it, innermost first, each with the tag that was reached in it. */
  #open: readonly { readonly source: TemplateSource; readonly includedAt?: SourceLocation }[] = [];
  #allParsed = true;

  constructor(tags: Tags, dialect: Dialect) {
    super();
    this.#tags = tags;
    this.#dialect = dialect;
  }

  get problems(): readonly Problem[] {
    return [...this.#problems.values()];
  }

  renderSource(source: TemplateSource, context: StrictContext, includedAt?: SourceLocation): string {
    const outer = this.#open;
    this.#open = [includedAt ? { source, includedAt } : { source }, ...outer];
    const text = this.renderTokens(this.#parse(source), context);
    this.#open = outer;
    return text;
  }

  reportUnused({ file }: TemplateSource, context: StrictContext): void {
    // What a template that could not be parsed would have used, nobody knows.
    if (!this.#allParsed) return;
    for (const path of context.unused()) {
      if (this.#suggested.has(lastPart(path))) continue;
      const happened = `"${path}" is in the view, but the template never uses it`;
      const remedy = 'take it out of the view, or use it in the template';
      this.#problems.set(path, { code: 'TEMPLATE', happened, at: [{ file, line: 1 }], remedy });
    }
  }

  override escapedValue(token: string[], context: StrictContext): string {
    return this.#scalar(readTag(token), context);
  }

  override unescapedValue(token: string[], context: StrictContext): string {
    return this.#scalar(readTag(token), context);
  }

  override renderSection(token: string[], context: StrictContext): string {
    const tag = readTag(token);
    const { value, path } = this.#condition(tag, context);
    const body = (inner: StrictContext): string => this.renderTokens(tag.body, inner);
    if (isOff(value) || value === unknowable) {
      // Rendered to be checked, then thrown away: a typo must not wait for the day the flag is on.
      body(value === false ? context : context.push(unknowable));
      return '';
    }
    if (!Array.isArray(value)) return body(value === true ? context : context.push(value, path));
    return value.map((item, index) => body(context.push(item, `${path}[${index}]`))).join('');
  }

  override renderInverted(token: string[], context: StrictContext): string {
    const tag = readTag(token);
    const { value } = this.#condition(tag, context);
    const text = this.renderTokens(tag.body, context);
    return isOff(value) ? text : '';
  }

  override renderPartial(token: string[], context: StrictContext): string {
    const tag = readTag(token);
    const includedAt = locate(this.#source, tag.start);
    const partial = openTemplate(partialFile(this.#source, tag.name));
    if ('code' in partial) {
      this.#allParsed = false;
      this.#report(tag.start, partial);
      return '';
    }
    if (this.#open.some(({ source }) => source.file === partial.file)) {
      this.#report(tag.start, {
        happened: `${partial.file} includes itself`,
        remedy: 'use a list section for what repeats',
      });
      return '';
    }
    // mustache indents the template; to indent the text gives the same, and keeps line and column true.
    const text = this.renderSource(partial, context, includedAt);
    const { indentation, isFirstTag, lineHasText } = readStanding(token);
    return isFirstTag && indentation !== '' ? this.indentPartial(text, indentation, lineHasText) : text;
  }

  get #source(): TemplateSource {
    return this.#open[0]!.source;
  }

  #parse(source: TemplateSource): string[][] {
    try {
      return this.parse(source.text, [...this.#tags]) as string[][];
    } catch (error) {
      this.#allParsed = false;
      const fault = explainSyntax(source.text, this.#tags, error);
      this.#report(fault.offset, fault);
      return [];
    }
  }

  #scalar(tag: Tag, context: StrictContext): string {
    const { value, path } = this.#find(tag, context);
    if (value === unknowable) return '';
    const refusal = refuseScalar(value, this.#dialect);
    if (!refusal) return String(value);
    this.#reportValue(tag, path, refusal);
    return '';
  }

  #condition(tag: Tag, context: StrictContext): { readonly value: unknown; readonly path: string } {
    const found = this.#find(tag, context);
    const refusal = found.value === unknowable ? undefined : refuseCondition(found.value);
    if (!refusal) return found;
    this.#reportValue(tag, found.path, refusal);
    return { value: unknowable, path: found.path };
  }

  #find(tag: Tag, context: StrictContext): { readonly value: unknown; readonly path: string } {
    const nothing = { value: unknowable, path: tag.name };
    if (!isName.test(tag.name)) {
      this.#report(tag.start, { happened: `"${tag.name}" is not a name`, remedy: textTagsRemedy });
      return nothing;
    }
    if (tag.name !== '.') this.names.add(tag.name);
    const meaning = context.lookup(tag.name);
    if (meaning.known) return meaning;
    if (meaning.missing) this.#reportMissing(tag, meaning.candidates);
    return nothing;
  }

  #reportMissing(tag: Tag, candidates: readonly string[]): void {
    const meant = didYouMean(lastPart(tag.name), candidates);
    if (meant !== undefined) this.#suggested.add(meant);
    const known =
      candidates.length === 0 ? 'no name is set here' : `set here: ${[...new Set(candidates)].join(', ')}`;
    const remedy = meant === undefined ? known : `did you mean "${meant}"?`;
    this.#report(tag.start, { happened: `"${tag.name}" is not set`, remedy });
  }

  #reportValue(tag: Tag, path: string, { happened, remedy }: Refusal): void {
    this.#report(tag.start, { happened: `"${path === '' ? '.' : path}" ${happened}`, remedy });
  }

  #report(
    offset: number,
    { happened, remedy }: { readonly happened: string; readonly remedy?: string },
  ): void {
    const at = [locate(this.#source, offset), ...this.#open.flatMap((template) => template.includedAt ?? [])];
    const problem: Problem = { code: 'TEMPLATE', happened, at, ...(remedy === undefined ? {} : { remedy }) };
    // A tag inside a list is met once for each item: the key makes it one problem.
    this.#problems.set(formatProblem(problem), problem);
  }
}

/** Any text without white space, in parts joined by dots. */
const isName = /^(?:\.|[^\s.]+(?:\.[^\s.]+)*)$/;

interface Tag {
  readonly name: string;
  readonly start: number;
  readonly body: string[][];
}

// mustache's tokens are arrays; @types/mustache calls all of their elements strings.
function readTag(token: string[]): Tag {
  const [, name, start, , body] = token as unknown as [string, string, number, number, string[][]];
  return { name, start, body };
}

function readStanding(token: string[]): { indentation: string; isFirstTag: boolean; lineHasText: boolean } {
  const [indentation, index, lineHasText] = token.slice(4) as unknown as [string, number, boolean];
  return { indentation, isFirstTag: index === 0, lineHasText };
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function isOff(value: unknown): boolean {
  return value === false || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}
