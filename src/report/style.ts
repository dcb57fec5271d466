import { styleText } from 'node:util';

type Paint = (text: string) => string;

/** Colours and signs of one terminal. The signs alone carry the meaning; colour only repeats it. */
export interface Style {
  readonly good: Paint;
  readonly changed: Paint;
  readonly bad: Paint;
  readonly warning: Paint;
  readonly dim: Paint;
  readonly strong: Paint;
  readonly sign: Readonly<Record<SignName, string>>;
  readonly arrow: string;
  readonly dash: string;
  readonly ellipsis: string;
  /** Between the parts of a line. */
  readonly separator: string;
  readonly bar: string;
  /** Pictures of a thing that turns, for what is running. */
  readonly spinner: readonly string[];
  readonly unicode: boolean;
}

export type SignName = 'ok' | 'changed' | 'would-change' | 'failed' | 'skipped' | 'warning' | 'waiting';

/**
 * The style for a terminal or file.
 * @example
 * createStyle({ color: false, unicode: true }).sign.failed; // => '✗'
 */
export function createStyle({ color, unicode }: { color: boolean; unicode: boolean }): Style {
  return { ...paints(color), ...(unicode ? unicodeSigns : asciiSigns), unicode };
}

/** The colour that goes with a sign. */
export function paintOf(style: Style, name: SignName): Paint {
  if (name === 'ok') return style.good;
  if (name === 'failed') return style.bad;
  if (name === 'warning') return style.warning;
  return name === 'changed' || name === 'would-change' ? style.changed : style.dim;
}

function paints(color: boolean) {
  const paint = (format: Parameters<typeof styleText>[0]): Paint =>
    // The caller has decided already; without this, Node would look at stdout and the environment by itself.
    color ? (text) => styleText(format, text, { validateStream: false }) : (text) => text;
  return {
    good: paint('green'),
    changed: paint('cyan'),
    bad: paint('red'),
    warning: paint('yellow'),
    dim: paint('dim'),
    strong: paint('bold'),
  };
}

const unicodeSigns = {
  sign: {
    ok: '✓',
    changed: '~',
    'would-change': '~',
    failed: '✗',
    skipped: '-',
    warning: '!',
    waiting: '·',
  },
  arrow: '→',
  dash: '—',
  ellipsis: '…',
  separator: ' · ',
  bar: '│',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
};

const asciiSigns: typeof unicodeSigns = {
  sign: {
    ok: '+',
    changed: '~',
    'would-change': '~',
    failed: 'x',
    skipped: '-',
    warning: '!',
    waiting: '.',
  },
  arrow: '->',
  dash: '-',
  ellipsis: '...',
  separator: ', ',
  bar: '|',
  spinner: ['|', '/', '-', '\\'],
};
