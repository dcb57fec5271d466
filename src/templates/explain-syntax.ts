/** The opening and the closing tag. */
export type Tags = readonly [opening: string, closing: string];

/** What is wrong with a template that mustache could not parse, and the offset of the tag at fault. */
export interface SyntaxFault {
  readonly offset: number;
  readonly happened: string;
  readonly remedy?: string;
}

/** Finds the tag at fault. mustache itself stops at the end of the file for most mistakes, far from their cause. */
export function explainSyntax(text: string, tags: Tags, thrown: unknown): SyntaxFault {
  const open: Tag[] = [];
  for (const tag of tagsOf(text, tags)) {
    if (tag.end === undefined) {
      return { offset: tag.start, happened: 'this tag is never closed', remedy: textTagsRemedy };
    }
    if (tag.sigil === '=' && !newDelimiters.test(tag.content)) {
      return { offset: tag.start, happened: 'new tags are two words, as in {{=<% %>=}}' };
    }
    if (tag.sigil === '#' || tag.sigil === '^') open.push(tag);
    if (tag.sigil !== '/') continue;
    const section = open.pop();
    if (!section)
      return { offset: tag.start, happened: `"${tag.content}" is closed here, but was never opened` };
    if (section.content !== tag.content) {
      const line = text.slice(0, section.start).split('\n').length;
      const happened = `"${tag.content}" is closed here, but "${section.content}" of line ${line} is still open`;
      return { offset: tag.start, happened };
    }
  }
  const last = open.pop();
  if (last) return { offset: last.start, happened: `section "${last.content}" is never closed` };
  return { offset: 0, happened: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** What to do when text was taken for a tag. */
export const textTagsRemedy =
  "if it is meant as text, as in docker's --format, choose other tags: the option tags: ['<%', '%>'], or {{=<% %>=}} above it";

interface Tag {
  readonly sigil: string;
  readonly content: string;
  readonly start: number;
  /** Absent when the tag is never closed. */
  readonly end?: number;
}

function* tagsOf(text: string, tags: Tags): Generator<Tag> {
  let [opening, closing] = tags;
  let start = text.indexOf(opening);
  while (start >= 0) {
    const from = start + opening.length;
    const close = text.slice(from).trimStart().startsWith('{') ? `}${closing}` : closing;
    const to = text.indexOf(close, from);
    if (to < 0) {
      yield { sigil: '', content: '', start };
      return;
    }
    const end = to + close.length;
    const [, sigil = '', content = ''] = sigilAndContent.exec(text.slice(from, to)) ?? [];
    yield { sigil, content, start, end };
    const delimiters = sigil === '=' ? newDelimiters.exec(content) : undefined;
    if (delimiters) [, opening = '', closing = ''] = delimiters;
    start = text.indexOf(opening, end);
  }
}

const sigilAndContent = /^\s*([#^/>{&=!]?)\s*([^]*?)\s*$/;
const newDelimiters = /^(\S+)\s+(\S+?)\s*=$/;
