import { displayWidth } from './display-width.ts';
import type { DrawPart, Sink } from './sink.ts';

const hideCursor = { control: '\u001b[?25l' };
const showCursor = { control: '\u001b[?25h' };
const clearLineEnd = { control: '\u001b[K' };
const clearBelow = { control: '\u001b[J' };

/** A picture at the bottom of a terminal that is drawn again in place, with lines that stay above it. */
export class Screen {
  readonly #sink: Sink;
  #picture: readonly string[] = [];
  #isOpen = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /**
   * Shows the picture instead of the one before, and `stay` above it for good, in one write so that nothing flickers.
   * Lines of the picture must fit the width; lines that stay may be longer.
   */
  draw(picture: readonly string[], stay: readonly string[] = []): void {
    const isSame =
      picture.length === this.#picture.length && picture.every((line, at) => line === this.#picture[at]);
    if (this.#isOpen && isSame && stay.length === 0) return;
    const parts: DrawPart[] = this.#isOpen ? [] : [hideCursor];
    const up = this.#height();
    if (up > 0) parts.push({ control: `\u001b[${up}A` });
    for (const line of [...stay, ...picture]) parts.push(line, clearLineEnd, '\n');
    parts.push(clearBelow);
    this.#sink.draw(parts);
    this.#picture = picture;
    this.#isOpen = true;
  }

  /** Takes the picture away, leaves the lines that stay, and gives the cursor back. */
  close(stay: readonly string[] = []): void {
    if (!this.#isOpen && stay.length === 0) return;
    this.draw([], stay);
    this.#sink.draw([showCursor]);
    this.#isOpen = false;
  }

  /** A terminal that became narrower has wrapped the lines of the last picture. */
  #height(): number {
    const { columns } = this.#sink.size();
    return this.#picture.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
  }
}
