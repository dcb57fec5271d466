import { RecordingStream } from './test-streams.ts';

/** A terminal of a given size that understands what the live view sends: what a person would see; for tests. */
export class TestTerminal extends RecordingStream {
  #lines: string[] = [''];
  #row = 0;
  #column = 0;
  cursorIsVisible = true;

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }

  /** All lines, those that have scrolled away too. */
  get lines(): string[] {
    return this.#lines.map((line) => line.trimEnd()).slice(0, this.#lines.at(-1) === '' ? -1 : undefined);
  }

  /** A narrower window wraps the lines that do not fit, as most terminals do. */
  resize(columns: number): void {
    const cursor = this.#lines.length - this.#row;
    this.#lines = this.#lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? ['']);
    this.#row = this.#lines.length - cursor;
    this.columns = columns;
  }

  override _write(chunk: Buffer, encoding: string, done: (error?: Error) => void): void {
    for (const [token] of chunk.toString().matchAll(/\u001b\[[?0-9;]*[A-Za-z]|[^]/gu)) this.#take(token);
    super._write(chunk, encoding, done);
  }

  #take(token: string): void {
    if (token === '\n') this.#moveTo(this.#row + 1);
    else if (token.endsWith('A') && token.startsWith('\u001b')) {
      this.#moveTo(Math.max(0, this.#row - Number(token.slice(2, -1))));
    } else if (token === '\u001b[K') this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column);
    else if (token === '\u001b[J') {
      this.#lines.length = this.#row + 1;
      this.#lines[this.#row] = '';
    } else if (token === '\u001b[?25l') this.cursorIsVisible = false;
    else if (token === '\u001b[?25h') this.cursorIsVisible = true;
    else if (!token.startsWith('\u001b')) this.#print(token);
  }

  #moveTo(row: number): void {
    this.#row = row;
    this.#column = 0;
    while (this.#lines.length <= row) this.#lines.push('');
  }

  #print(char: string): void {
    if (this.#column >= this.columns) this.#moveTo(this.#row + 1);
    const line = this.#lines[this.#row]!.padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + char + line.slice(this.#column + 1);
    this.#column++;
  }
}
