import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Problem } from '../../core/errors.ts';
import { quote } from '../../core/script.ts';
import type { SourceLocation } from '../../core/source.ts';
import { findFiles } from './find-files.ts';
import type { Directive } from './parse-ssh-config.ts';
import { configProblem, parseSshConfig, shown } from './parse-ssh-config.ts';

/** Configurations of ssh, read in full; where they say the same thing, the first one counts. */
export interface SshConfig {
  readonly files: readonly (readonly Directive[])[];
  /** What is wrong with the files themselves, whichever host is meant. */
  readonly problems: readonly Problem[];
}

export interface SshConfigFile {
  /** Absolute. */
  readonly path: string;
  /** The user's own: its relative includes start at `~/.ssh`, those of the system's at `/etc/ssh`. */
  readonly own: boolean;
  /** Whether its absence is a problem, as of a file that was asked for by name. */
  readonly required: boolean;
}

/** The files that ssh reads by itself. */
export function usualConfigFiles(home: string): SshConfigFile[] {
  return [
    { path: join(home, '.ssh', 'config'), own: true, required: false },
    { path: '/etc/ssh/ssh_config', own: false, required: false },
  ];
}

const maxBytes = 1024 * 1024;
// As OpenSSH has it.
const maxDepth = 16;

/**
 * Reads configurations of ssh with everything that they include. Runs nothing, and contacts nothing.
 * @see ssh_config(5)
 * @example
 * const config = await loadSshConfig(usualConfigFiles('/home/me'), '/home/me');
 */
export async function loadSshConfig(files: readonly SshConfigFile[], home: string): Promise<SshConfig> {
  const loader = new Loader(home);
  const read: Directive[][] = [];
  for (const file of files) read.push(await loader.readTop(file));
  return { files: read, problems: loader.problems };
}

class Loader {
  readonly problems: Problem[] = [];
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
  }

  async readTop({ path, own, required }: SshConfigFile): Promise<Directive[]> {
    const isUsual = own && !required;
    return (await this.#read(path, { own, required, closed: isUsual, above: [], at: undefined })) ?? [];
  }

  async #read(
    path: string,
    from: {
      own: boolean;
      required: boolean;
      closed: boolean;
      above: readonly string[];
      at: SourceLocation | undefined;
    },
  ): Promise<Directive[] | undefined> {
    const text = await this.#text(path, from);
    if (text === undefined) return undefined;
    const directives: Directive[] = [];
    for (const directive of parseSshConfig(text, path, this.problems)) {
      const isInclude = directive.keyword === 'include';
      directives.push(isInclude ? await this.#include(directive, path, from.own, from.above) : directive);
    }
    return directives;
  }

  async #include(
    directive: Directive,
    file: string,
    own: boolean,
    above: readonly string[],
  ): Promise<Directive> {
    const included: Directive[][] = [];
    const files = [...above, file];
    for (const { text, offset } of directive.words) {
      const at = { ...directive.at, column: offset + 1 };
      const pattern = this.#anchor(text, own, at);
      for (const path of pattern === undefined ? [] : await findFiles(pattern)) {
        if (this.#isEndless(path, files, at)) break;
        const read = await this.#read(path, { own, required: false, closed: true, above: files, at });
        if (read) included.push(read);
      }
    }
    return { ...directive, included };
  }

  #anchor(pattern: string, own: boolean, at: SourceLocation): string | undefined {
    if (own && pattern.startsWith('~/')) return join(this.#home, pattern.slice(2));
    if (pattern === '' || pattern.startsWith('~')) {
      this.problems.push(
        configProblem(at, `"${shown(pattern)}" cannot be included`, 'give the whole path of the file'),
      );
      return undefined;
    }
    return isAbsolute(pattern) ? pattern : join(own ? join(this.#home, '.ssh') : '/etc/ssh', pattern);
  }

  #isEndless(path: string, above: readonly string[], at: SourceLocation): boolean {
    const circle = above.includes(path);
    if (!circle && above.length <= maxDepth) return false;
    const happened = circle
      ? `the files include each other: ${[...above.slice(above.indexOf(path)), path].join(' > ')}`
      : `files include each other more than ${maxDepth} levels deep`;
    this.problems.push(configProblem(at, happened, 'remove one of the includes'));
    return true;
  }

  async #text(
    path: string,
    from: { required: boolean; closed: boolean; at: SourceLocation | undefined },
  ): Promise<string | undefined> {
    const at = from.at ?? { file: path, line: 1 };
    const problem = (happened: string, remedy: string) => {
      this.problems.push(configProblem(at, happened, remedy));
      return undefined;
    };
    try {
      const state = await stat(path);
      if (state.isDirectory() || state.size > maxBytes)
        return void problem(`${path} is no configuration of ssh`, 'name a file of at most one megabyte');
      const isForeign = state.uid !== 0 && state.uid !== process.getuid?.();
      if (from.closed && (isForeign || (state.mode & 0o022) !== 0)) {
        const remedy = isForeign ? `chown "$USER" ${quote(path)}` : `chmod go-w ${quote(path)}`;
        return void problem(`others may write to ${path}, and so say where you log in`, remedy);
      }
      return await readFile(path, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // Accounts without a home have /dev/null or the like in its place.
      const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
      if (isAbsent && !from.required) return undefined;
      const reason = isAbsent ? 'does not exist' : `cannot be read (${code ?? message})`;
      return void problem(
        `${path} ${reason}`,
        'check the path, or say "none" to read no configuration of ssh',
      );
    }
  }
}
