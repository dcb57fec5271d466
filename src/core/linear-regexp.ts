/**
 * A regular expression that cannot explode: it takes time in proportion to pattern and text, as all ways through it are gone
 * at once. Literals, `.`, `[a-z]`, `\d \w \s`, groups, `|`, `* + ? {m,n}`, `^` and `$`; what needs trying back and forth
 * (references, looking around) is refused. Matches from the start of the text, not to its end, as `~` in Ansible does.
 * @throws Error with a message for people when it is not one
 * @example
 * linearRegExp('web[0-9]+\\.(eu|us)')('web12.eu.example.com'); // => true
 */
export function linearRegExp(pattern: string): (text: string) => boolean {
  const program = new Compiler(pattern).compile();
  return (text) => run(program, Array.from(text));
}

type Instruction =
  | { readonly do: 'char'; readonly accepts: (char: string) => boolean }
  | { readonly do: 'assert'; readonly where: 'start' | 'end' }
  | { readonly do: 'fork'; readonly to: readonly number[] }
  | { readonly do: 'end' };

type Fragment = (next: number) => number;

const mostInstructions = 10_000;
const mostRepeats = 100;
const longest = 500;
const counted = /^\{(\d+)(,(\d*))?\}/;

/** Builds the program from its end: each fragment is told what comes after it, and returns where it begins. */
class Compiler {
  readonly #chars: readonly string[];
  #at = 0;
  readonly #program: Instruction[] = [];

  constructor(pattern: string) {
    if (pattern.length > longest) throw new Error('it is too long');
    this.#chars = Array.from(pattern);
  }

  compile(): { program: readonly Instruction[]; start: number } {
    const fragment = this.#alternatives();
    if (this.#at < this.#chars.length) throw new Error('it closes a group that it has not opened');
    const start = fragment(this.#emit({ do: 'end' }));
    return { program: this.#program, start };
  }

  #alternatives(): Fragment {
    const branches = [this.#sequence()];
    while (this.#take('|')) branches.push(this.#sequence());
    if (branches.length === 1) return branches[0]!;
    return (next) => this.#emit({ do: 'fork', to: branches.map((branch) => branch(next)) });
  }

  #sequence(): Fragment {
    const parts: Fragment[] = [];
    while (this.#at < this.#chars.length && !['|', ')'].includes(this.#chars[this.#at]!))
      parts.push(this.#repeated());
    return (next) => parts.reduceRight((after, part) => part(after), next);
  }

  #repeated(): Fragment {
    const part = this.#atom();
    const bounds = this.#bounds();
    return bounds ? this.#repeat(part, bounds) : part;
  }

  #repeat(part: Fragment, [least, most]: readonly [number, number]): Fragment {
    return (next) => {
      let after = next;
      if (most === Infinity) {
        // The fork stands before what it repeats, which is not built yet.
        const to: number[] = [];
        after = this.#emit({ do: 'fork', to });
        to.push(part(after), next);
      } else {
        for (let times = least; times < most; times++)
          after = this.#emit({ do: 'fork', to: [part(after), next] });
      }
      // A fork for each of them, so that repeating nothing counts too.
      for (let times = 0; times < least; times++) after = this.#emit({ do: 'fork', to: [part(after)] });
      return after;
    };
  }

  #bounds(): readonly [number, number] | undefined {
    const bounds = this.#anyBounds();
    // Which of the ways is taken makes no difference to whether there is one.
    if (bounds) this.#take('?');
    return bounds;
  }

  #anyBounds(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const found = counted.exec(this.#rest());
    if (!found) return undefined;
    this.#at += found[0].length;
    const least = Number(found[1]);
    const most = found[2] === undefined ? least : found[3] === '' ? Infinity : Number(found[3]);
    if (most < least) throw new Error(`${found[0]} ends before it begins`);
    if (Math.max(least, most === Infinity ? 0 : most) > mostRepeats)
      throw new Error(`it repeats more than ${mostRepeats} times`);
    return [least, most];
  }

  #atom(): Fragment {
    const isCount = counted.test(this.#rest());
    const char = this.#chars[this.#at++]!;
    if (isCount || '*+?'.includes(char)) throw new Error(`"${char}" has nothing before it to repeat`);
    if (char === '^') return (next) => this.#assert('start', next);
    if (char === '$') return (next) => this.#assert('end', next);
    if (char === '(') return this.#group();
    if (char === '[') return this.#char(this.#set());
    if (char === '.') return this.#char((other) => other !== '\n');
    if (char === '\\') return this.#char(this.#escape());
    return this.#char((other) => other === char);
  }

  #rest(): string {
    return this.#chars.slice(this.#at).join('');
  }

  #group(): Fragment {
    if (this.#take('?') && !this.#take(':'))
      throw new Error('of groups that start with (? only (?: is known: no looking around, no names');
    const inner = this.#alternatives();
    if (!this.#take(')')) throw new Error('a group is not closed');
    return inner;
  }

  #escape(): (char: string) => boolean {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new Error('it ends with a backslash');
    const known = classes[char.toLowerCase()];
    if (known) return char === char.toLowerCase() ? known : (other) => !known(other);
    if (/[a-z0-9]/i.test(char)) throw new Error(`"\\${char}" is not known: no references, no boundaries`);
    return (other) => other === char;
  }

  #set(): (char: string) => boolean {
    const isNegated = this.#take('^');
    const accepts: ((char: string) => boolean)[] = [];
    for (let first = true; first || this.#chars[this.#at] !== ']'; first = false) {
      const from = this.#chars[this.#at++];
      if (from === undefined) throw new Error('a set of characters is not closed');
      const to = this.#chars[this.#at + 1];
      if (from === '\\') accepts.push(this.#escape());
      else if (this.#chars[this.#at] === '-' && to !== undefined && to !== ']' && to !== '\\') {
        this.#at += 2;
        if (to < from) throw new Error(`the range ${from}-${to} ends before it begins`);
        accepts.push((char) => from <= char && char <= to);
      } else accepts.push((char) => char === from);
    }
    this.#at++;
    return (char) => accepts.some((accept) => accept(char)) !== isNegated;
  }

  #char(accepts: (char: string) => boolean): Fragment {
    return (next) => this.#chain({ do: 'char', accepts }, next);
  }

  #assert(where: 'start' | 'end', next: number): number {
    return this.#chain({ do: 'assert', where }, next);
  }

  /** What follows an instruction stands right behind it, as a fork of one way. */
  #chain(instruction: Instruction, next: number): number {
    const start = this.#emit(instruction);
    this.#emit({ do: 'fork', to: [next] });
    return start;
  }

  #emit(instruction: Instruction): number {
    if (this.#program.length >= mostInstructions) throw new Error('it is too long');
    return this.#program.push(instruction) - 1;
  }

  #take(char: string): boolean {
    const isNext = this.#chars[this.#at] === char;
    if (isNext) this.#at++;
    return isNext;
  }
}

const classes: Readonly<Record<string, (char: string) => boolean>> = {
  d: (char) => /^[0-9]$/.test(char),
  w: (char) => /^[A-Za-z0-9_]$/.test(char),
  s: (char) => /^\s$/.test(char),
};

function run(
  { program, start }: { readonly program: readonly Instruction[]; readonly start: number },
  text: readonly string[],
): boolean {
  let current = new Set<number>();
  /** Follows everything that takes no character; true at the end of the expression. */
  const enter = (first: number, states: Set<number>, at: number): boolean => {
    const waiting = [first];
    for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
      if (states.has(state)) continue;
      states.add(state);
      const instruction = program[state]!;
      if (instruction.do === 'end') return true;
      if (instruction.do === 'fork') waiting.push(...instruction.to);
      if (instruction.do === 'assert' && (instruction.where === 'start' ? at === 0 : at === text.length))
        waiting.push(state + 1);
    }
    return false;
  };
  if (enter(start, current, 0)) return true;
  for (const [at, char] of text.entries()) {
    const following = new Set<number>();
    for (const state of current) {
      const instruction = program[state]!;
      if (instruction.do === 'char' && instruction.accepts(char) && enter(state + 1, following, at + 1))
        return true;
    }
    current = following;
  }
  return false;
}
