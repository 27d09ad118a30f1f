/** Where a demo's text goes: a terminal, a file, a pipe. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
  hasColors?(): boolean;
}

/** How far a run is. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  /** What is counted, where the lines around do not say it. */
  readonly unit?: string;
  readonly note: string;
}

const BAR_WIDTH = 28;
const CLEAR_LINE = '\r\u001b[2K';
/** Without a terminal, one line per quarter of the way. */
const STEPS = 4;

/**
 * Writes lines, and on a terminal a bar below them that is drawn again and again. Without one, the
 * bar becomes a few plain lines.
 */
export class Screen {
  readonly #stream: TextStream;
  readonly #hasColors: boolean;
  #bar = '';
  #step = 0;
  #closed = false;

  constructor(stream: TextStream) {
    this.#stream = stream;
    this.#hasColors = stream.isTTY === true && stream.hasColors?.() === true;
  }

  line(text = ''): void {
    if (this.#closed) return;
    this.#stream.write(`${this.#bar === '' ? '' : CLEAR_LINE}${text}\n${this.#bar}`);
  }

  progress({ done, total, unit = '', note }: Progress): void {
    const share = total === 0 ? 1 : done / total;
    const what = unit === '' ? '' : `${unit} `;
    const text = `${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${what}done${note === '' ? '' : `, ${note}`}`;
    if (this.#stream.isTTY === true) {
      const filled = Math.round(share * BAR_WIDTH);
      const plain = `  ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}  ${text}`;
      // Some terminals say that they have 0 columns: they do not know.
      this.#draw(plain.slice(0, (this.#stream.columns || 80) - 1));
      return;
    }
    const step = Math.floor(share * STEPS);
    if (step === this.#step) return;
    this.#step = step;
    this.line(`  ${text}`);
  }

  /** Takes the bar away. */
  endProgress(): void {
    this.#draw('');
    this.#step = 0;
  }

  /** From now on nothing is written: an interrupted story may still go on for a moment. */
  close(): void {
    this.endProgress();
    this.#closed = true;
  }

  bold(text: string): string {
    return this.#styled(text, 1, 22);
  }

  dim(text: string): string {
    return this.#styled(text, 2, 22);
  }

  green(text: string): string {
    return this.#styled(text, 32, 39);
  }

  red(text: string): string {
    return this.#styled(text, 31, 39);
  }

  #draw(bar: string): void {
    if (this.#closed || bar === this.#bar) return;
    this.#stream.write(CLEAR_LINE + bar);
    this.#bar = bar;
  }

  #styled(text: string, on: number, off: number): string {
    return this.#hasColors ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  }
}
