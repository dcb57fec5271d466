import { contentOf, type BenchStep } from './steps.ts';

/** What the scripts of steps use. A good script of an administrator: it looks before it changes, and replaces files as a whole. */
const functions = `set -eu; umask 022
right() { [ "$(stat -c '%a %U:%G' -- "$2" 2>/dev/null)" = "\${1#0} root:root" ]; }
own() { chown root:root -- "$2" && chmod "$1" -- "$2"; }
dir() { right "$1" "$2" && return; mkdir -p -- "$2"; own "$1" "$2"; }
put() {
  right "$1" "$2" && printf %s "$3" | cmp -s - "$2" && return
  printf %s "$3" >"$2.new"; own "$1" "$2.new"; mv -f -- "$2.new" "$2"
}`;

/** The steps as scripts for `sh`, one each; the functions that they use come first. */
export function shellSteps(steps: readonly BenchStep[]): {
  readonly functions: string;
  readonly each: readonly string[];
} {
  return { functions, each: steps.map(scriptOf) };
}

function scriptOf(step: BenchStep): string {
  switch (step.kind) {
    case 'directory':
      return `dir ${step.mode} ${word(step.path)}`;
    case 'file':
    case 'template':
      return `put ${step.mode} ${word(step.path)} ${word(contentOf(step))}`;
    case 'command':
      return step.creates === undefined
        ? `( ${step.run} )`
        : `[ -e ${word(step.creates)} ] || ( ${step.run} )`;
  }
}

/** Of any text, with line breaks in it. */
function word(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
