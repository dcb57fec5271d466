/** A file that a person gave, with its name for messages. */
export interface PemFile {
  readonly content: Uint8Array | string;
  readonly file: string;
}

/** One `-----BEGIN X-----` … `-----END X-----` of a file. */
export interface PemBlock {
  /** What the block says that it holds: `CERTIFICATE`, `PRIVATE KEY`. */
  readonly label: string;
  /** Line of the BEGIN marker, from 1. */
  readonly line: number;
  /** Place among the blocks of its file, from 1. */
  readonly position: number;
  /** RFC 1421 headers of old encrypted keys, such as `Proc-Type: 4,ENCRYPTED`. */
  readonly headers: readonly string[];
  readonly base64: string;
}

/** Why a part of the file is no block. Never quotes the file: it may hold a key. */
export interface PemFault {
  readonly line: number;
  readonly happened: string;
  readonly remedy: string;
}

/** What a PEM file holds, and where it departs from the form that every program reads. */
export interface PemText {
  readonly blocks: readonly PemBlock[];
  readonly faults: readonly PemFault[];
  readonly byteOrderMark: boolean;
  /** Line of the first carriage return, if any. */
  readonly carriageReturn?: number;
  /** Line of the first text outside of the blocks, if any. */
  readonly textOutside?: number;
}

/**
 * Splits the text of a PEM file into its blocks, whatever its line ends, indentation and text around them.
 * Nothing is thrown: what cannot be a block is in `faults`, with its line.
 * @example
 * readPem('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n').blocks[0]?.label; // => 'CERTIFICATE'
 * @see https://www.rfc-editor.org/rfc/rfc7468
 */
export function readPem(content: Uint8Array | string): PemText {
  const text = typeof content === 'string' ? content : Buffer.from(content).toString('utf8');
  const byteOrderMark = text.startsWith('\uFEFF');
  const lines = text.slice(byteOrderMark ? 1 : 0).split(/\r\n|\n|\r/);
  const reader = new BlockReader();
  lines.forEach((line, index) => {
    reader.take(line.trim(), index + 1);
  });
  reader.end();
  const { blocks, faults, textOutside } = reader;
  const carriageReturn = firstCarriageReturn(text);
  return {
    blocks,
    faults,
    byteOrderMark,
    ...(carriageReturn !== undefined && { carriageReturn }),
    ...(textOutside !== undefined && { textOutside }),
  };
}

/**
 * PEM text of blocks in the one form that every program reads: LF, 64 columns, nothing around, a line end at its end.
 * @example
 * joinPem([{ label: 'CERTIFICATE', headers: [], base64: 'MIIB' }]);
 * // => '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
 */
export function joinPem(blocks: readonly Pick<PemBlock, 'label' | 'headers' | 'base64'>[]): string {
  const text = blocks.map(({ label, headers, base64 }) =>
    [
      `-----BEGIN ${label}-----`,
      ...(headers.length > 0 ? [...headers, ''] : []),
      ...(base64.match(/.{1,64}/g) ?? []),
      `-----END ${label}-----`,
      '',
    ].join('\n'),
  );
  return text.join('');
}

interface OpenBlock {
  readonly label: string;
  readonly line: number;
  readonly position: number;
  readonly headers: string[];
  base64: string;
  damaged: boolean;
}

/** The state between two lines of a PEM file. */
class BlockReader {
  readonly blocks: PemBlock[] = [];
  readonly faults: PemFault[] = [];
  textOutside: number | undefined;
  #open: OpenBlock | undefined;
  #positions = 0;

  take(text: string, line: number): void {
    const [, verb, label] = /^-----(BEGIN|END) ([A-Z0-9 ]+)-----$/.exec(text) ?? [];
    if (verb === 'BEGIN' && label) this.#begin(label, line);
    else if (verb === 'END' && label) this.#close(label, line);
    else if (looksLikeMarker(text)) this.#brokenMarker(text, line);
    else if (this.#open) this.#takeBody(this.#open, text, line);
    else if (text !== '') this.textOutside ??= line;
  }

  end(): void {
    if (this.#open) this.#leftOpen(this.#open);
  }

  #begin(label: string, line: number): void {
    this.end();
    this.#positions += 1;
    this.#open = { label, line, position: this.#positions, headers: [], base64: '', damaged: false };
  }

  #close(label: string, line: number): void {
    const open = this.#open;
    this.#open = undefined;
    if (!open) {
      this.#fault(line, `END ${label} has no BEGIN before it`, 'copy the file again, whole');
    } else if (open.label !== label) {
      this.#fault(
        line,
        `BEGIN ${open.label} of line ${open.line} ends with END ${label}`,
        'copy the file again, whole',
      );
    } else if (!open.damaged) {
      const { line: at, position, headers, base64 } = open;
      this.blocks.push({ label, line: at, position, headers, base64 });
    }
  }

  #takeBody(open: OpenBlock, text: string, line: number): void {
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) open.base64 += text;
    else if (/^[A-Za-z][A-Za-z0-9-]*: /.test(text) && open.base64 === '') open.headers.push(text);
    else if (text !== '' && !open.damaged) {
      open.damaged = true;
      this.#fault(
        line,
        `block ${open.position} (${open.label}) is damaged: this line is not base64`,
        'copy the file again, whole',
      );
    }
  }

  #brokenMarker(text: string, line: number): void {
    const escaped = text.includes('\\n');
    if (this.#open) this.#open.damaged = true;
    this.#fault(
      line,
      escaped
        ? 'the line breaks are written as the two characters \\n'
        : 'a BEGIN or END marker is damaged, or shares its line with something else',
      escaped
        ? "write real line breaks, for example with: printf '%b'"
        : 'each marker has five dashes on both sides and stands alone on its line',
    );
  }

  #leftOpen(open: OpenBlock): void {
    // A broken END marker was reported already, and would be reported here a second time.
    if (!open.damaged) {
      const happened = `block ${open.position} (${open.label}) has no END marker: the file is cut off`;
      this.#fault(open.line, happened, 'copy the file again, whole');
    }
  }

  #fault(line: number, happened: string, remedy: string): void {
    this.faults.push({ line, happened, remedy });
  }
}

function looksLikeMarker(text: string): boolean {
  return /-----(BEGIN|END)|(BEGIN|END) [A-Z0-9 ]+-----|^-+ ?(BEGIN|END) [A-Z0-9 ]+-*$/.test(text);
}

function firstCarriageReturn(text: string): number | undefined {
  const at = text.indexOf('\r');
  return at < 0 ? undefined : text.slice(0, at).split('\n').length;
}
