import { ProvisionError, type ErrorCode } from '../core/errors.ts';
import type { Output } from '../core/host.ts';
import { refusedStatus } from './enter-folder.ts';

// The texts of strerror(3) in the C locale; no tool on a host reports errno in another form.
const causes: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/No space left on device|Disk quota exceeded/, 'DISK_FULL', 'free some space (and inodes: df -i)'],
  [/Read-only file system/, 'READ_ONLY', 'the file system is mounted read-only: dmesg may say why'],
  [
    /Operation not permitted/,
    'READ_ONLY',
    'the file may be immutable (lsattr), or this user may not do that',
  ],
];

/** The error for a file operation that did not exit with 0; `doing` is what failed: `writing /etc/hosts`. */
export function fileFailure(doing: string, output: Output, hostState: string): ProvisionError {
  if (output.code === refusedStatus) return refusal(doing, output.stdout, hostState);
  const detail = lastLines(output.stderr);
  const [, code, remedy] = causes.find(([text]) => text.test(output.stderr)) ?? [];
  return new ProvisionError({
    code: code ?? 'COMMAND_FAILED',
    happened: `${doing} failed: ${detail.split('\n').at(-1) || `exit status ${output.code}`}`,
    hostState,
    ...(remedy && { remedy }),
    detail,
  });
}

/** The end of some output, for people: at most 20 lines and 4 kB. */
export function lastLines(text: string, lines = 20): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n').slice(-4096);
}

function refusal(doing: string, stdout: string, hostState: string): ProvisionError {
  const [verdict = '', ...what] = (stdout.trimEnd().split('\n').at(-1) ?? '').split('\t');
  const describe = Object.hasOwn(verdicts, verdict) ? verdicts[verdict] : undefined;
  const { code, happened, remedy } = describe?.(what) ?? {
    code: 'COMMAND_FAILED' as const,
    happened: 'the host gave an answer that makes no sense',
    remedy: 'look at the shell of the host',
  };
  return new ProvisionError({ code, happened: `${doing}: ${happened}`, hostState, remedy });
}

interface Verdict {
  readonly code: ErrorCode;
  readonly happened: string;
  readonly remedy: string;
}

const verdicts: Readonly<Record<string, (what: readonly string[]) => Verdict>> = {
  missing: ([folder]) => ({
    code: 'COMMAND_FAILED',
    happened: `there is no folder ${folder}`,
    remedy: 'make it with an earlier step: directory({ path })',
  }),
  unsafe: ([link]) => ({
    code: 'UNSAFE_PATH',
    happened: `${link} is a symbolic link that someone else than root could have made`,
    remedy: 'use the path behind the link, or a folder that only root can write',
  }),
  link: ([link]) => ({
    code: 'UNSAFE_PATH',
    happened: `${link} is a symbolic link, and files are never written through one`,
    remedy: 'use the path behind the link, or remove the link',
  }),
  directory: ([path]) => ({
    code: 'COMMAND_FAILED',
    happened: `${path} is a directory, where a file is wanted`,
    remedy: `remove it if it is empty (rmdir ${path}): Docker makes one when a file that it shall mount is missing`,
  }),
  other: ([path]) => ({
    code: 'COMMAND_FAILED',
    happened: `${path} is neither a file nor a directory`,
    remedy: 'find out what made it, and remove it',
  }),
  full: ([free, need]) => ({
    code: 'DISK_FULL',
    happened: `${free} kB are free, ${need} kB are needed`,
    remedy: 'free some space',
  }),
  differs: () => ({
    code: 'COMMAND_FAILED',
    happened: 'the bytes that arrived are not the ones that were sent',
    remedy: 'run again; if it happens again, look at the disk of the host',
  }),
};
