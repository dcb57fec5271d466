import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { LargeFile } from '../../core/large-file.ts';
import { joinScripts, Script, sh } from '../../core/script.ts';
import type { UploadOptions } from '../../host/connection.ts';
import { tempName } from '../../host/temp-name.ts';
import type { Link } from '../link.ts';
import { inPieces } from './pieces.ts';
import { uploadedName } from './private-folder.ts';
import type { Shell } from '../shell/shell.ts';
import { targetError } from '../target.ts';

const timeoutMs = 60_000;
// Two thirds of a megabyte of base64: frames of a shell are kept whole in its memory.
const pieceBytes = 512 * 1024;

/**
 * Brings bytes to new files through the shell, piece by piece. The shell has the rights of steps and opens the file by its
 * name for each piece, so the file must be where nobody else can put another one in its place: beside the target when
 * all folders down to it are root's alone, else in a private folder.
 */
export class ShellUploads {
  readonly #link: Link;
  readonly #shell: Shell;
  #folder: string | undefined;

  constructor(link: Link, shell: Shell) {
    this.#link = link;
    this.#shell = shell;
  }

  async upload(
    content: Uint8Array | LargeFile,
    near: string,
    { onProgress }: UploadOptions,
  ): Promise<string> {
    const path = await this.#create(near, Math.ceil(sizeOf(content) / 1024));
    try {
      let sent = 0;
      for await (const piece of inPieces(content, pieceBytes)) {
        await this.#append(path, piece);
        sent += piece.length;
        onProgress?.(sent);
      }
      return path;
    } catch (error) {
      if (!this.#link.lifeline.ended) await this.#run(sh`rm -f -- ${path}`, `remove ${path}`);
      throw error;
    }
  }

  /** Never rejects. */
  async close(): Promise<void> {
    if (this.#folder === undefined || this.#link.lifeline.ended) return;
    await this.#run(sh`rm -rf -- ${this.#folder}`, `remove ${this.#folder}`).catch((error: unknown) =>
      this.#link.debug(String(error)),
    );
  }

  async #create(near: string, need: number): Promise<string> {
    const values = sh`near=${posix.dirname(near)} temp=${tempName(posix.basename(near))}
need=${need} private=${this.#folder ?? ''} name=${uploadedName()} random=${randomBytes(12).toString('hex')}`;
    const made = await this.#run(joinScripts([values, makeFile]), 'make a file to upload to');
    const [path = '', folder] = made.stdout.split('\n');
    if (made.code !== 0 || !path.startsWith('/')) throw this.#failed(`a place near ${near}`, made.stderr);
    if (folder) this.#folder = folder;
    return path;
  }

  async #append(path: string, piece: Buffer): Promise<void> {
    const appended = await this.#run(sh`base64 -d >>${path}`, `upload to ${path}`, piece.toString('base64'));
    if (appended.code !== 0) throw this.#failed(path, appended.stderr);
  }

  #failed(where: string, stderr: string): Error {
    const full = /no space left|quota exceeded/i.test(stderr);
    const happened = `upload to ${where} failed`;
    return targetError(this.#link.target, full ? 'DISK_FULL' : 'STEP_FAILED', happened, {
      hostState: 'nothing was replaced',
      remedy: full ? 'free some space on the host' : 'check disk, quota and rights on the host',
      detail: stderr.slice(-2000),
    });
  }

  #run(script: Script, doing: string, stdin?: string): ReturnType<Shell['execute']> {
    return this.#shell.execute(script, { doing, timeoutMs, ...(stdin !== undefined && { stdin }) });
  }
}

function sizeOf(content: Uint8Array | LargeFile): number {
  return content instanceof Uint8Array ? content.length : content.size;
}

/**
 * Prints the path of a new empty file, and in a second line that of a private folder when one was made for it. With -C a file is
 * made or nothing is. /run comes last: it is memory. The room beside the target was looked at by whoever writes it.
 */
const makeFile = Script.fromTrusted(`LC_ALL=C; export LC_ALL; umask 077; unset CDPATH; set -C
me=$(id -u)
closed() {
  set -- "$(stat -c '%u %a' -- "$1")"
  case $1 in "0 "*|"$me "*) ;; *) return 1 ;; esac
  case $1 in *' '[1357]???) ;; *[2367]?|*[2367]) return 1 ;; esac
}
safe() {
  at=$1
  while closed "\${at:-/}"; do
    [ -n "$at" ] || return 0
    at=\${at%/*}
  done
  return 1
}
into() { cd -P -- "$1" 2>/dev/null && folder=$(pwd -P) && safe "\${folder%/}"; }
room() {
  set -- $(stat -f -c '%a %S' . 2>/dev/null)
  [ $# -eq 2 ] || return 0
  free=$(($1 * $2 / 1024))
  [ "$free" -ge 0 ] && [ "$free" -lt "$need" ] || return 0
  full=$folder
  return 1
}
full=
if into "$near" && ( : >"./$temp" ) 2>/dev/null; then printf '%s\\n' "$folder/$temp"; exit; fi
if [ -n "$private" ] && into "$private" && ( : >"./$name" ); then printf '%s\\n' "$folder/$name"; exit; fi
for base in "$HOME" /var/lib /run; do
  into "$base" && room || continue
  for old in ./.provision-*-????????????????????????; do
    pid=\${old#./.provision-} pid=\${pid%-*}
    case $pid in *[!0-9]*) continue ;; esac
    [ -d "/proc/$pid" ] || [ -L "$old" ] || rm -rf -- "$old"
  done
  private=.provision-$$-$random
  mkdir -m 700 -- "./$private" 2>/dev/null && ( : >"./$private/$name" ) || continue
  printf '%s\\n%s\\n' "\${folder%/}/$private/$name" "\${folder%/}/$private"
  exit
done
[ -z "$full" ] || echo "$full: No space left on device" >&2
exit 1`);
