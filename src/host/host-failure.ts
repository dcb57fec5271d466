import { ProvisionError, type ErrorCode, type Problem } from '../core/errors.ts';
import type { Output } from '../core/host.ts';
import { refusedStatus } from './enter-folder.ts';

/**
 * The error for a script that did not exit with 0, as far as its output tells why.
 * @example
 * throw commandFailure('apt-get update', output);
 */
export function commandFailure(doing: string, output: Output, hostState?: string): ProvisionError {
  return new ProvisionError({
    ...(refusal(doing, output) ??
      knownCause(doing, output) ?? {
        code: 'COMMAND_FAILED',
        happened: `${doing} ended with exit status ${output.code}`,
        detail: lastLines(`${output.stdout}\n${output.stderr}`),
      }),
    ...(hostState !== undefined && { hostState }),
  });
}

// The texts of strerror(3) in the C locale; no tool on a host reports errno in another form.
const causes: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/: (No space left on device|Disk quota exceeded)$/m, 'DISK_FULL', 'free some space (and inodes: df -i)'],
  [/: Read-only file system$/m, 'READ_ONLY', 'find out why it is mounted read-only: dmesg may say'],
  [
    /^(mv|chmod|chown|mkdir|rm): .*: Operation not permitted$/m,
    'READ_ONLY',
    'see with lsattr if it is immutable',
  ],
];

function knownCause(doing: string, { stderr }: Output): Problem | undefined {
  for (const [text, code, remedy] of causes) {
    const line = text.exec(stderr)?.[0].replace(/^: /, '');
    if (line !== undefined)
      return { code, happened: `${doing} failed: ${line}`, remedy, detail: lastLines(stderr) };
  }
  return undefined;
}

/** The end of some output, for people: at most 20 lines and 4 kB. */
export function lastLines(text: string, lines = 20): string {
  return text.trim().split('\n').slice(-lines).join('\n').slice(-4096);
}

function refusal(doing: string, { code: status, stdout }: Output): Problem | undefined {
  const [verdict = '', ...what] = (stdout.trimEnd().split('\n').at(-1) ?? '').split('\t');
  if (status !== refusedStatus || !Object.hasOwn(verdicts, verdict)) return undefined;
  const { code, happened, remedy } = verdicts[verdict]!(what);
  return { code, happened: `${doing}: ${happened}`, remedy };
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
  device: ([folder]) => ({
    code: 'COMMAND_FAILED',
    happened: `another file system is mounted at ${folder} or in it`,
    remedy: 'give what is mounted there a fileTree of its own, or unmount it',
  }),
  inodes: () => ({
    code: 'DISK_FULL',
    happened: 'the file system has room, but no inode for another file',
    remedy: 'remove some files (df -i tells where there are none left)',
  }),
  swapped: ([path]) => ({
    code: 'UNSAFE_PATH',
    happened: `${path} was put in the place of the new file while it was written`,
    remedy: 'find out who can write to that folder, and use one that only root can write',
  }),
  label: ([path]) => ({
    code: 'COMMAND_FAILED',
    happened: `${path} did not get the label that SELinux has for it`,
    remedy: `run restorecon -v ${path} on the host to see why (package policycoreutils)`,
  }),
  differs: () => ({
    code: 'COMMAND_FAILED',
    happened: 'the bytes that arrived are not the ones that were sent',
    remedy: 'run again; if it happens again, look at the disk of the host',
  }),
};
