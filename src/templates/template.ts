import { relative, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Problem } from '../core/errors.ts';
import { ProvisionError, throwProblems } from '../core/errors.ts';
import { callSite } from '../core/source.ts';
import type { Dialect } from './refusal.ts';
import type { Tags } from './explain-syntax.ts';
import { renderStrictly, surveyNames } from './strict-writer.ts';
import type { TemplateSource } from './template-source.ts';
import { openTemplate } from './template-source.ts';

/** What a template can be given: one line of text, a number, a flag, a list, an object of these, or `null` for "no such object". */
export type TemplateValue = string | number | boolean | null | readonly TemplateValue[] | TemplateView;

/** The names that a template may use, and their values. A `Secret` is not one of them: it gets a file of its own. */
export interface TemplateView {
  readonly [name: string]: TemplateValue;
}

export interface TemplateOptions {
  /** `nginx` also refuses each value that could end its directive and begin another one. Default: `plain`. */
  readonly dialect?: Dialect;
  /** The opening and closing tag, where `{{` and `}}` are wanted as text. Default: `['{{', '}}']`. */
  readonly tags?: Tags;
}

/**
 * The text of a local mustache template, filled with a view; nothing is ever left empty in silence.
 *
 * Every name that the template asks for must be in the view, and every name of the view must be used, in the parts
 * that a section switches off too. To give such a part values of its own, make it an object or `null`, not a flag.
 * Nothing is escaped. Partials (`{{> tls}}`) are files beside the template with the same ending: `tls.mustache`.
 *
 * @param file path relative to the working directory, or a URL (`new URL('./motd.mustache', import.meta.url)`)
 * @throws ProvisionError with code `TEMPLATE`, which holds all problems, each with the `file:line:column` of its tag
 * @example renderTemplate('templates/motd.mustache', { owner: 'Ops' })
 * @see https://mustache.github.io/mustache.5.html
 */
export function renderTemplate(
  file: string | URL,
  view: TemplateView,
  options: TemplateOptions = {},
): string {
  const tags = checkedTags(options.tags);
  const { text, problems } = renderStrictly(open(file), view, { tags, dialect: options.dialect ?? 'plain' });
  throwProblems(problems.map(calledFromPlaybook));
  return text;
}

/**
 * The names that a template and its partials ask for, in the order of their first use, without rendering anything.
 * @throws ProvisionError with code `TEMPLATE` when the template cannot be read or parsed
 * @example templateNames('templates/motd.mustache') // => ['owner']
 */
export function templateNames(
  file: string | URL,
  options: Pick<TemplateOptions, 'tags'> = {},
): readonly string[] {
  const { names, problems } = surveyNames(open(file), checkedTags(options.tags));
  throwProblems(problems.map(calledFromPlaybook));
  return names;
}

function open(file: string | URL): TemplateSource {
  const opened = openTemplate(pathOf(file));
  if ('code' in opened) throw new ProvisionError(calledFromPlaybook(opened));
  return opened;
}

function pathOf(file: string | URL): string {
  const isUrl = file instanceof URL || file.startsWith('file:');
  const path = isUrl ? fileURLToPath(file) : resolve(file);
  const typed = relative('', path);
  return typed === '' || typed.startsWith('..') || isAbsolute(typed) ? path : typed;
}

/** mustache would look for an empty tag for ever. */
function checkedTags(tags: Tags = ['{{', '}}']): Tags {
  if (tags.every((tag) => /^[^\s=]+$/.test(tag))) return tags;
  const happened = `the tags "${tags.join('" and "')}" cannot be told from text`;
  const remedy = "give two words without white space and =, as in ['<%', '%>']";
  throw new ProvisionError(calledFromPlaybook({ code: 'TEMPLATE', happened, remedy }));
}

function calledFromPlaybook(problem: Problem): Problem {
  return { ...problem, at: [...(problem.at ?? []), ...callSite()] };
}
