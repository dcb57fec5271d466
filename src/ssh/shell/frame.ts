import type { Script } from '../../core/script.ts';

/**
 * The shell text that runs one script and reports on it, for the stdin of a long-lived `/bin/sh`. On stderr comes first
 * the process id of the script (0 when unknown), by which it can be ended alone; then on both streams its end.
 *
 * The script is handed to `eval` as one quoted word, inside a subshell: a syntax error, `exit` or `set -e` ends the
 * subshell only. It reads `/dev/null` or the given input, never the frames that follow. All of it is one compound
 * command, so a frame that was cut off on its way does nothing. And when nobody listens any more, the shell ends
 * before the next frame: what was sent behind a script that never came back is never run.
 */
export function frame(script: Script, marker: string, input?: string): string {
  const run = [
    '(',
    // Read by a builtin, so "self" is the subshell; `$$` would be its parent.
    '{ read -r id rest </proc/self/stat; } 2>/dev/null',
    `printf '\\n${marker} %d\\n' "\${id:-0}" >&2 || exit`,
    'unset id rest',
    `eval ${word(script.text)}`,
    ')',
  ].join('\n');
  return [
    '{',
    input === undefined ? `${run} </dev/null` : `${give(input)} | ${run}`,
    `printf '\\n${marker} %d\\n' "$?" || exit`,
    `printf '\\n${marker} 0\\n' >&2 || exit`,
    '}',
    '',
  ].join('\n');
}

/**
 * What the shell is told first. Everything that a login shell, its start files or sudo printed stands before its marker.
 * The marker carries the process id, by which a script that hangs can be ended.
 */
export function preamble(marker: string): string {
  return [
    '{',
    'umask 077',
    'unset CDPATH ENV BASH_ENV LD_PRELOAD LD_LIBRARY_PATH LANG LANGUAGE TMPDIR POSIXLY_CORRECT',
    'LC_ALL=C PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'export LC_ALL PATH',
    '[ "$(id -u)" != 0 ] || for name in $(env | sed -n "s/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p"); do',
    `case $name in ${keptForRoot.join('|')}) ;; *) unset "$name" ;; esac`,
    'done',
    'unset name',
    'cd /',
    `printf '\\n${marker} %d\\n' "$$" || exit`,
    `printf '\\n${marker} 0\\n' >&2 || exit`,
    '}',
    '',
  ].join('\n');
}

// What a login or its start files put into the environment must not steer what root runs. A proxy is part of how a machine
// reaches the network; the last line names what some shells refuse to unset.
const keptForRoot = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'PWD', 'OLDPWD', 'LC_ALL', 'TZ', 'TERM', 'name'],
  ...['SUDO_*', 'DOAS_USER', '*_proxy', '*_PROXY'],
  ...['UID', 'EUID', 'PPID', 'IFS', 'SHELLOPTS', 'BASHOPTS', 'BASH_*'],
];

// printf is a builtin of dash, bash and busybox: its argument is never on a command line that `ps` shows.
function give(input: string): string {
  if (!input.includes('\0')) return `printf %s ${word(input)} 2>/dev/null`;
  return `printf %s ${Buffer.from(input).toString('base64')} 2>/dev/null | base64 -d`;
}

// Not `quote`: a whole script or a file may hold any character but NUL, and single quotes carry them all.
function word(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
