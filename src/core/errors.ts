import type { SourceLocation } from './source.ts';
import { formatLocation } from './source.ts';

/**
 * Every code that an error of provision can carry, with the exit code that it leads to.
 * The meaning of the numbers is part of the public API: see `docs/exit-codes.md`.
 */
export const errorCodes = {
  // Input: nothing was contacted.
  INVENTORY: 3,
  SSH_CONFIG: 3,
  PLAYBOOK: 3,
  TEMPLATE: 3,
  CERTIFICATE: 3,
  NEED_INPUT: 3,
  SELECTION: 3,
  PLAN_FILE: 3,
  REPORT: 3,
  USAGE: 5,
  // Trust: a person has to look before anything is tried again.
  HOSTKEY_UNKNOWN: 8,
  HOSTKEY_CHANGED: 8,
  HOSTKEY_REVOKED: 8,
  KEY_FILE: 8,
  SECRET_SOURCE: 8,
  UNSAFE_PATH: 8,
  // The host could not be reached, or was lost.
  CONN_REFUSED: 4,
  CONN_TIMEOUT: 4,
  CONN_LOST: 4,
  DNS: 4,
  NOT_SSH: 4,
  ALGORITHM: 4,
  AUTH: 4,
  NO_SHELL: 4,
  // The host was reached and a step failed.
  REQUIREMENT: 2,
  STEP_FAILED: 2,
  STEP_TIMEOUT: 2,
  VERIFY_FAILED: 2,
  CONDITION_TIMEOUT: 2,
  CONDITION_FAILED: 2,
  COMMAND_FAILED: 2,
  UNSUPPORTED: 2,
  BECOME_PASSWORD_REQUIRED: 2,
  BECOME_BAD_PASSWORD: 2,
  BECOME_DENIED: 2,
  BECOME_FAILED: 2,
  DISK_FULL: 2,
  READ_ONLY: 2,
  PACKAGE: 2,
  SERVICE: 2,
  DOCKER: 2,
  IMAGE_PULL: 2,
  NAME_CONFLICT: 2,
  CONTAINER_UNHEALTHY: 2,
  VALIDATION_FAILED: 2,
  NOT_LIVE: 2,
  TLS: 2,
  ACTION_FAILED: 2,
  LOCKED: 7,
  // What a plan was made of has moved since.
  STALE_PLAN: 9,
  // The run itself.
  LOCAL: 1,
  WORKER_LOST: 1,
  BUG: 250,
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** One thing that went wrong: what happened, where, what state the host is in, and what to do next. */
export interface Problem {
  readonly code: ErrorCode;
  /** What happened, in one sentence without a full stop at its end. */
  readonly happened: string;
  readonly host?: string;
  /** Id of the step, such as `file /etc/nginx/nginx.conf`. */
  readonly step?: string;
  /** Where in the inventory, playbook or template, innermost first. */
  readonly at?: readonly SourceLocation[];
  /** The state in which the host was left. */
  readonly hostState?: string;
  /** What to do next. */
  readonly remedy?: string;
  /** Output of the host that explains the failure; already bounded, still hostile. */
  readonly detail?: string;
  /** Set where trying again cannot help: an unknown package, a wrong password. */
  readonly permanent?: true;
}

/**
 * The one error class of provision: one problem, or all the problems of one input in one go.
 * @example
 * throw new ProvisionError({ code: 'UNSUPPORTED', happened: 'Alpine has no apt', remedy: 'use Debian or Ubuntu' });
 */
export class ProvisionError extends Error {
  override readonly name = 'ProvisionError';
  readonly problems: readonly [Problem, ...Problem[]];

  constructor(problems: Problem | readonly [Problem, ...Problem[]], options?: { cause?: unknown }) {
    const list: readonly [Problem, ...Problem[]] = isList(problems) ? problems : [problems];
    super(list.map(formatProblem).join('\n'), options);
    this.problems = list;
  }

  get code(): ErrorCode {
    return this.problems[0].code;
  }
}

function isList(
  problems: Problem | readonly [Problem, ...Problem[]],
): problems is readonly [Problem, ...Problem[]] {
  return Array.isArray(problems);
}

/** Throws one `ProvisionError` that holds all problems, or returns when there are none. */
export function throwProblems(problems: readonly Problem[]): void {
  const [first, ...rest] = problems;
  if (first) throw new ProvisionError([first, ...rest]);
}

/**
 * One problem as text: `CODE host step — where — what happened; state of the host; what to do next`.
 * @example
 * formatProblem({ code: 'DNS', host: 'lb-1', happened: 'no such name', remedy: 'check host:' });
 * // => 'DNS lb-1 — no such name; check host:'
 */
export function formatProblem(problem: Problem): string {
  const subject = [problem.code, problem.host, problem.step].filter(Boolean).join(' ');
  const where = problem.at?.map(formatLocation).join(' < ');
  const story = [problem.happened, problem.hostState, problem.remedy].filter(Boolean).join('; ');
  return [subject, where, story].filter(Boolean).join(' — ');
}

/** The problems inside any thrown value; what is not ours becomes a `BUG`. */
export function problemsOf(error: unknown): readonly [Problem, ...Problem[]] {
  if (error instanceof ProvisionError) return error.problems;
  const happened = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return [{ code: 'BUG', happened, remedy: 'this is a defect of provision: please report it' }];
}
