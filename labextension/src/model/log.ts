import type * as api from '../api';

/** How many lines are kept, without the earliest ones; the server has all of them. */
export const MAX_LINES = 200_000;

/** A line of the log; the stream of a remark by jupyter-wasmwheel itself is `note`. */
export interface ILine {
  readonly stream: api.Log['stream'];
  readonly text: string;
}

/** The newest lines of a build's log. */
export class LogLines {
  /** The number of lines that are kept. */
  get length(): number {
    return this._lines.length - this._offset;
  }

  /** The number of lines that were dropped at the beginning. */
  get dropped(): number {
    return this._dropped;
  }

  at(index: number): ILine | undefined {
    return this._lines[index + this._offset];
  }

  slice(from: number, to: number): ILine[] {
    return this._lines.slice(from + this._offset, to + this._offset);
  }

  /** Append a text of one or more lines. */
  append(stream: ILine['stream'], text: string): void {
    for (const line of text.split('\n')) {
      this._lines.push({ stream, text: line });
    }
    while (this.length > MAX_LINES) {
      this._lines[this._offset] = DROPPED_LINE;
      this._offset += 1;
      this._dropped += 1;
    }
    // Removing one line at a time would move all others each time.
    if (this._offset > MAX_LINES / 4) {
      this._lines.splice(0, this._offset);
      this._offset = 0;
    }
  }

  /** Return the kept lines as one text. */
  text(): string {
    return this.slice(0, this.length)
      .map(line => line.text)
      .join('\n');
  }

  /** Return the indices of the lines that contain a text, ignoring case. */
  find(text: string, from = 0): number[] {
    const lower = text.toLowerCase();
    const found: number[] = [];
    for (let index = from; index < this.length; index += 1) {
      if (this.at(index)!.text.toLowerCase().includes(lower)) {
        found.push(index);
      }
    }
    return found;
  }

  private readonly _lines: ILine[] = [];
  private _offset = 0;
  private _dropped = 0;
}

const DROPPED_LINE: ILine = { stream: 'note', text: '' };
