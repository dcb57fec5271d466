import type { Problem } from '../core/errors.ts';
import type { SourceLocation } from '../core/source.ts';

/** What one check has to say: a problem stops the run, a warning does not. */
export interface Finding {
  readonly level: 'problem' | 'warning';
  readonly at: SourceLocation;
  readonly happened: string;
  readonly remedy: string;
}

export function problem(at: SourceLocation, happened: string, remedy: string): Finding {
  return { level: 'problem', at, happened, remedy };
}

export function warning(at: SourceLocation, happened: string, remedy: string): Finding {
  return { level: 'warning', at, happened, remedy };
}

/** The findings of one level as problems of provision. */
export function reportFindings(findings: readonly Finding[], level: Finding['level']): readonly Problem[] {
  return findings
    .filter((finding) => finding.level === level)
    .map(({ at, happened, remedy }) => ({ code: 'CERTIFICATE', at: [at], happened, remedy }));
}
