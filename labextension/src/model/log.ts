/**
 * The lines of a build's log, as many as a browser can hold.
 */

/** How many lines are kept; the earliest go first. The server has them all. */
export const KEPT = 200_000;

/** Who wrote a line; a `note` is a remark of jupyter-wasmwheel's own. */
export type Stream = 'stdout' | 'stderr' | 'note';

/** A line of the log. */
export interface ILine {
  readonly stream: Stream;
  readonly text: string;
}

// The colours of a terminal: escape sequences that begin with ESC [.
const COLOURS = /\x1b\[[0-9;]*[A-Za-z]/g;

/** A log that grows at its end and forgets its beginning. */
export class LogLines {
  /** How many lines are there. */
  get length(): number {
    return this._lines.length - this._gone;
  }

  /** How many of the earliest lines were let go. */
  get dropped(): number {
    return this._dropped;
  }

  /** The line at a place. */
  at(index: number): ILine | undefined {
    return this._lines[index + this._gone];
  }

  /** Some lines, from a place to before another. */
  slice(from: number, to: number): ILine[] {
    return this._lines.slice(from + this._gone, to + this._gone);
  }

  /** Add a text at the end; it may have several lines in it. */
  append(stream: Stream, text: string): void {
    const plain = text.includes('\x1b') ? text.replace(COLOURS, '') : text;
    for (const line of plain.split('\n')) {
      this._lines.push({ stream, text: line });
    }
    while (this.length > KEPT) {
      this._lines[this._gone] = NOTHING;
      this._gone += 1;
      this._dropped += 1;
    }
    // Letting go of a line at a time would move all the others each time.
    if (this._gone > KEPT / 4) {
      this._lines.splice(0, this._gone);
      this._gone = 0;
    }
  }

  clear(): void {
    this._lines.length = 0;
    this._gone = 0;
    this._dropped = 0;
  }

  /** All of it as one text. */
  text(): string {
    return this._lines
      .slice(this._gone)
      .map(line => line.text)
      .join('\n');
  }

  /** The places of the lines that have a text in them, whatever the case of its letters. */
  find(text: string, from = 0): number[] {
    const wanted = text.toLowerCase();
    const found: number[] = [];
    for (let index = from; index < this.length; index += 1) {
      if (this.at(index)!.text.toLowerCase().includes(wanted)) {
        found.push(index);
      }
    }
    return found;
  }

  private readonly _lines: ILine[] = [];
  private _gone = 0;
  private _dropped = 0;
}

const NOTHING: ILine = { stream: 'note', text: '' };
