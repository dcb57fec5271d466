export interface EngineOptions {
  allowInstall?: boolean | 'ask';
  log?: (line: string) => void;
}
export function ensureDockerEngine(
  options?: EngineOptions,
): Promise<{ started: boolean; pid: number | undefined }>;
export function anyEngineAnswers(): Promise<boolean>;
export function ensurePrograms(
  packagesOfProgram: Record<string, string[]>,
  options?: EngineOptions & { startServices?: boolean },
): Promise<void>;
export function cacheDirectory(): string;
export function canInstall(): boolean;
