export interface Result {
  readonly titles: readonly string[];
  readonly status: string;
}
export interface Row {
  readonly id: string;
  readonly what: string;
  readonly notMeasured?: string;
}
export interface TalliedRow extends Row {
  readonly cases: readonly Result[];
}
export function reportFile(project: string): string;
export function claimedRows(titles: readonly string[]): string[];
export function tally(rows: readonly Row[], results: readonly Result[]): TalliedRow[];
export function write(tallied: readonly TalliedRow[]): { page: string; line: string };
export function readResults(files: readonly string[]): Result[];
export function checkReliability(): Promise<void>;
