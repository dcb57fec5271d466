import type { FileState } from '../core/host.ts';
import { ProvisionError } from '../core/errors.ts';
import { joinScripts, Script, sh } from '../core/script.ts';
import type { Connection } from './connection.ts';
import { askKnown, knownFunction, type ProvenFile } from './proven-file.ts';

/**
 * State of many paths by one `stat` and one `sha256sum`, or by some of them where the answer would be longer than what is kept of
 * one. Paths where nothing is are missing in the answer. The last part of a path is never followed when it is a link. What is
 * proven and has not been touched since is not hashed again.
 * @throws ProvisionError `COMMAND_FAILED` when a path cannot be looked at for another reason than being absent
 */
export async function fileStates(
  connection: Connection,
  paths: readonly string[],
  proven: ReadonlyMap<string, ProvenFile> = new Map(),
): Promise<ReadonlyMap<string, FileState>> {
  const states = await Promise.all(shares(paths).map((share) => statesOf(connection, share, proven)));
  return new Map(states.flatMap((each) => [...each]));
}

async function statesOf(
  connection: Connection,
  paths: readonly string[],
  proven: ReadonlyMap<string, ProvenFile>,
): Promise<Map<string, FileState>> {
  const doing = paths.length === 1 ? `stat ${paths[0]}` : `stat of ${paths.length} paths`;
  const { stdout, stderr } = await connection.execute(lookAt(paths, proven), {
    doing,
    timeoutMs: 240_000 + paths.length * 60_000,
  });
  const failure = stderr.split('\n').find((line) => line !== '' && !absent.test(line));
  if (failure !== undefined) {
    throw new ProvisionError({
      code: 'COMMAND_FAILED',
      happened: `${doing} failed: ${failure.slice(0, 500)}`,
    });
  }
  return parseFileStates(stdout, new Set(paths));
}

// Of one script 512 kB of output are kept, and 320 kB of errors.
const answerBytes = 250_000;

function shares(paths: readonly string[]): string[][] {
  const found: string[][] = [[]];
  let size = 0;
  for (const path of paths) {
    // Its name twice, and what is said of it.
    const bytes = 2 * Buffer.byteLength(path) + 160;
    if (size > 0 && size + bytes > answerBytes) {
      found.push([]);
      size = 0;
    }
    found.at(-1)!.push(path);
    size += bytes;
  }
  return found;
}

const absent = /: (No such file or directory|Not a directory)$/;

function lookAt(paths: readonly string[], proven: ReadonlyMap<string, ProvenFile>): Script {
  const known = paths.flatMap((path) => {
    const file = proven.get(path);
    return file ? [askKnown(path, file)] : [];
  });
  const look = joinScripts([sh`set -- ${paths}`, state]);
  if (known.length === 0) return joinScripts([look, hash]);
  const unknown = paths.filter((path) => !proven.has(path));
  return joinScripts([look, knownFunction, ...known, sh`set -- ${unknown}`, hash]);
}

const state = Script.fromTrusted(`LC_ALL=C; export LC_ALL
stat -c '%f	%s	%U	%G	%n' -- "$@"
echo`);

const hash =
  Script.fromTrusted(`for path do shift; [ -f "$path" ] && [ ! -L "$path" ] && set -- "$@" "$path"; done
[ $# -eq 0 ] || sha256sum -- "$@"`);

/** Reads the answer of a host. Lines about paths that were not asked for are ignored: a host may send anything. */
export function parseFileStates(stdout: string, asked: ReadonlySet<string>): Map<string, FileState> {
  const gap = stdout.startsWith('\n') ? 0 : stdout.indexOf('\n\n') + 1;
  const sums = new Map<string, string>();
  for (const line of stdout.slice(gap).split('\n')) {
    const [, escaped, sha256, name] = /^(\\?)([0-9a-f]{64}) [ *]([^]*)$/.exec(line) ?? [];
    if (sha256 === undefined || name === undefined) continue;
    sums.set(escaped ? name.replaceAll('\\\\', '\\') : name, sha256);
  }
  const states = new Map<string, FileState>();
  for (const line of stdout.slice(0, gap).split('\n')) {
    const [raw = '', size = '', owner = '', group = '', ...rest] = line.split('\t');
    const path = rest.join('\t');
    if (!asked.has(path) || !/^[0-9a-f]{1,8}$/.test(raw) || !/^\d{1,15}$/.test(size)) continue;
    const bits = Number.parseInt(raw, 16);
    const type = typeOf(bits);
    const sha256 = type === 'file' ? sums.get(path) : undefined;
    const mode = (bits & 0o7777).toString(8).padStart(4, '0');
    states.set(path, { type, mode, owner, group, size: Number(size), ...(sha256 && { sha256 }) });
  }
  return states;
}

function typeOf(bits: number): FileState['type'] {
  switch (bits & 0o170000) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'link';
    default:
      return 'other';
  }
}
