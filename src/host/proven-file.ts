import { Script, sh } from '../core/script.ts';
import { markFormat } from './place-file.ts';

/** A file whose bytes were hashed when it was put in its place. */
export interface ProvenFile {
  readonly sha256: string;
  /** Changes with whatever is done to the file: device, inode, size, and both its times. */
  readonly mark: string;
}

/**
 * What the script that placed a file tells of it, or undefined where it cannot be told later whether it is still the same: times in
 * whole seconds hide what happens within one.
 */
export function provenFile(sha256: string, told: string): ProvenFile | undefined {
  const [, mark] = /^placed\n(\d+:\d+ \d+ [^\n]*)\n$/.exec(told) ?? [];
  if (mark === undefined) return undefined;
  const times = [...mark.matchAll(/:\d\d\.(\d{9}) /g)].map(([, fraction]) => Number(fraction));
  return times.length === 2 && times.every((fraction) => fraction !== 0) ? { sha256, mark } : undefined;
}

/** Defines `known PATH MARK SHA256`, which says the hash of a file as `sha256sum` does, and makes it anew only when the mark is another one. */
export const knownFunction = Script.fromTrusted(`known() {
  if [ "$(stat -c '${markFormat}' -- "$1" 2>/dev/null)" = "$2" ]; then printf '%s  %s\\n' "$3" "$1"
  elif [ -f "$1" ] && [ ! -L "$1" ]; then sha256sum -- "$1"; fi
}`);

export function askKnown(path: string, { mark, sha256 }: ProvenFile): Script {
  return sh`known ${path} ${mark} ${sha256}`;
}
