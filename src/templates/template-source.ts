import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { Problem } from '../core/errors.ts';
import type { SourceLocation } from '../core/source.ts';
import { didYouMean } from '../core/suggest.ts';

/** A template or partial as it stands on disk. */
export interface TemplateSource {
  /** The path as a person would type it. */
  readonly file: string;
  readonly text: string;
}

/** Reads a template, or says why that is not possible. */
export function openTemplate(file: string): TemplateSource | Problem {
  try {
    // fatal: what is not UTF-8 would reach the host as U+FFFD. A byte order mark is dropped; nginx would stumble over it.
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    const sibling = didYouMean(basename(file), filesBeside(file));
    return {
      code: 'TEMPLATE',
      happened: `template ${file} cannot be read: ${reason(error)}`,
      ...(sibling === undefined ? {} : { remedy: `did you mean ${join(dirname(file), sibling)}?` }),
    };
  }
}

/** The file of `{{> name}}`: beside the template that asks for it, with the same ending. */
export function partialFile(template: TemplateSource, name: string): string {
  return join(dirname(template.file), name + extname(template.file));
}

/** Line and column of an offset. */
export function locate(source: TemplateSource, offset: number): SourceLocation {
  const before = source.text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { file: source.file, line: before.split('\n').length, column: offset - lineStart + 1 };
}

function filesBeside(file: string): string[] {
  try {
    return readdirSync(dirname(file));
  } catch {
    return [];
  }
}

function reason(error: unknown): string {
  if (error instanceof TypeError) return 'it is not UTF-8 text';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder';
  return String(code ?? error);
}
