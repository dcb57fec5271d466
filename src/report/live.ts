import type { ListrRenderer } from 'listr2';
import type { RunEvent } from '../core/event.ts';
import { eventLines } from './event-lines.ts';
import type { ProgressView } from './lines.ts';
import { liveFrame } from './live-frame.ts';
import type { RunProgress } from './run-progress.ts';
import { Screen } from './screen.ts';
import type { Sink } from './sink.ts';
import type { View } from './view.ts';

const frameMs = 100;
// The shell's prompt, and a line above and below, keep their place on the screen.
const rowsLeftFree = 3;

/**
 * The live view on a terminal, on stderr: hosts, steps, time, what is waited for; problems and warnings stay above it.
 *
 * listr2 has the tasks, one a host, and says when to begin and to end. The drawing is ours: listr2's wraps every row again
 * at every change, which takes minutes for 200 hosts.
 */
export async function createLiveView(sink: Sink, view: View, progress: RunProgress): Promise<ProgressView> {
  const { Listr } = await import('listr2');
  const picture = new Picture(sink, view, progress);
  const settlers = new Map<string, (failed: boolean) => void>();
  let running: Promise<unknown> | undefined;

  const begin = (hosts: Iterable<string>) => {
    const tasks = [...hosts].map((title) => {
      const ended = new Promise<void>((resolve, reject) => {
        settlers.set(title, (failed) => (failed ? reject(new Error(title)) : resolve()));
      });
      // listr2 asks for the promise a little later: until then a rejection would count as unhandled.
      ended.catch(() => undefined);
      return { title, task: () => ended };
    });
    running = new Listr(tasks, {
      concurrent: true,
      exitOnError: false,
      // The command line has its own way to end on a signal; listr2's would exit the process with 127.
      registerSignalListeners: false,
      renderer: rendererOf(picture),
    }).run();
  };

  return {
    show(event) {
      if (event.event === 'start') begin(progress.hosts.keys());
      picture.keep(linesThatStay(event, view));
      // The result goes to stdout, which may be the same terminal.
      if (event.event === 'summary') picture.close();
    },
    async close() {
      for (const [name, settle] of settlers) settle(progress.hosts.get(name)?.status === 'failed');
      await running;
      picture.close();
    },
  };
}

/** A log tells every phase and requirement; here the picture shows them while they last. */
function linesThatStay(event: RunEvent, view: View): string[] {
  if (event.event === 'start' || event.event === 'phase' || event.event === 'progress') return [];
  if (event.event !== 'step' || view.verbosity > 0 || view.showDiff) return eventLines(event, view);
  const isTrouble = event.status === 'failed' || event.warning !== undefined;
  return isTrouble ? eventLines(event, view) : [];
}

function rendererOf(picture: Picture): typeof ListrRenderer {
  return class {
    static readonly rendererOptions = {};
    static readonly rendererTaskOptions = {};
    // listr2 looks at stdout to see whether there is a terminal; the picture is drawn on stderr.
    static readonly nonTTY = true;

    render(): void {
      picture.open();
    }

    end(): void {
      picture.close();
    }
  };
}

/** Draws at most ten times a second, and leaves a clean terminal however the process ends. */
class Picture {
  readonly #sink: Sink;
  readonly #view: View;
  readonly #progress: RunProgress;
  readonly #screen: Screen;
  #stay: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  readonly #restore = () => this.close();

  constructor(sink: Sink, view: View, progress: RunProgress) {
    this.#sink = sink;
    this.#view = view;
    this.#progress = progress;
    this.#screen = new Screen(sink);
  }

  open(): void {
    if (this.#isClosed || this.#timer) return;
    this.#timer = setInterval(() => this.#draw(), frameMs);
    this.#timer.unref();
    process.once('exit', this.#restore);
    this.#draw();
  }

  /** Lines that stay above the picture. */
  keep(lines: readonly string[]): void {
    if (lines.length === 0) return;
    if (this.#isClosed) this.#sink.message(lines.join('\n'), 'own');
    else this.#stay.push(...lines);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    process.off('exit', this.#restore);
    this.#screen.close(this.#stay);
  }

  #draw(): void {
    const { columns, rows } = this.#sink.size();
    const size = { columns: columns - 1, rows: Math.max(1, rows - rowsLeftFree) };
    const frame = liveFrame(this.#progress, { style: this.#view.style, ...size, now: performance.now() });
    this.#screen.draw(frame, this.#stay.splice(0));
  }
}
