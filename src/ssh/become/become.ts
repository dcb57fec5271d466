import type { SshTarget } from '../target.ts';

/** What differs between attempts to start a shell. */
export interface StartWay {
  /** Of this attempt alone: what was printed for an earlier one proves nothing. */
  readonly nonce: string;
  /** Gives the program that asks for the password a terminal of its own, which the shell behind it never sees. */
  readonly terminal: boolean;
  /** Starts `sh` by its name, for login shells that refuse a path. */
  readonly byName: boolean;
}

/** Whoever logs in as root is root already. */
export function needsToBecome(target: SshTarget): boolean {
  return target.become !== 'none' && target.user !== 'root';
}

/** OpenDoas reads a password from a terminal only. */
export function wantsTerminal(target: SshTarget): boolean {
  return needsToBecome(target) && target.become === 'doas' && target.becomePassword !== undefined;
}

const folders = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The command line that starts the shell. It holds nothing but our own hexadecimal nonce, so there is nothing in it
 * that `ps` may not show; and neither `'` nor `!` nor two backslashes in a row, which login shells of other kinds (fish,
 * tcsh) read differently inside single quotes.
 *
 * What comes before `begin` was printed by start files. `ready` is printed with the rights that steps have: before it the
 * password may be asked for, after it never.
 */
export function startCommand(target: SshTarget, way: StartWay): string {
  const { nonce } = way;
  const begin = `LC_ALL=C PATH=\${PATH:+$PATH:}${folders}; export LC_ALL PATH; unset LD_PRELOAD LD_LIBRARY_PATH; echo ${nonce}-begin; echo ${nonce}-begin >&2`;
  return `${way.byName ? 'sh' : 'exec /bin/sh'} -c '${begin}; ${becomeAndRun(target, way)}'`;
}

function becomeAndRun(target: SshTarget, way: StartWay): string {
  const run = `echo ${way.nonce}-ready; exec /bin/sh -s`;
  if (!needsToBecome(target)) return run;
  if (target.become === 'su') return asIfTyped(way, suCommand(way));
  const program = `${programOf(target, way)} /bin/sh -c`;
  if (!way.terminal) return `exec ${program} "${run}"`;
  const detached = `${killTypist}; echo ${way.nonce}-ready; ${detachedShell()}`;
  return asIfTyped(way, `${program} \\"${detached}\\" ${toChannel}; exit`);
}

function programOf({ become, becomePassword }: SshTarget, { nonce, terminal }: StartWay): string {
  if (become === 'doas') return becomePassword ? 'doas' : 'doas -n';
  if (!becomePassword) return 'sudo -n --';
  return `sudo ${terminal ? '' : '-S '}-p ${nonce}-password --`;
}

/** su reads the password where the shell would read its scripts; the shell is given the channel only when it has begun. */
function suCommand({ nonce, terminal }: StartWay): string {
  const quote = terminal ? '\\"' : '"';
  // su leaves the environment of the login user as it is.
  const clean = `USER=root LOGNAME=root PATH=${folders}; export USER LOGNAME PATH`;
  const shell = terminal ? detachedShell(toChannel) : `exec /bin/sh -s ${toChannel}`;
  const run = `${killTypist}; ${clean}; echo ${nonce}-ready >&4; ${shell}`;
  return `su -s /bin/sh -c ${quote}${run}${quote} root`;
}

/** In a session of its own, so that the terminal neither answers a script nor hangs up on what one leaves running. */
const detachedShell = (streams = '') =>
  `if command -v setsid >/dev/null; then (exec setsid /bin/sh -s ${streams}); exit; fi; exec /bin/sh -s ${streams}`;

const toChannel = '<&3 >&4 2>&5 3<&- 4>&- 5>&-';

/** It must be gone before the first script arrives, or it would read that. */
const killTypist = 'kill -PIPE $id; while kill -0 $id 2>/dev/null; do :; done';

/**
 * Types one line of the channel for a command: into its standard input, or into a terminal. So the password cannot
 * reach the shell whatever happens: nobody but that command reads what is typed.
 *
 * The typist lives until it is killed, so that its process id is never that of another.
 */
function asIfTyped({ nonce, terminal }: StartWay, command: string): string {
  const type = 'sh -c "echo \\$PPID"; IFS= read -r p && printf "%s\\n" "$p" && exec sleep 60; exec sleep 5';
  const run = terminal ? `SHELL=/bin/sh script -q -c "${command}" /dev/null >&5 2>&5` : `${command} 2>&5`;
  return `exec 3<&0 4>&1 5>&2 2>/dev/null; { ${type}; } | { read -r id; ${run}; echo ${nonce}-over $? >&5; }`;
}
