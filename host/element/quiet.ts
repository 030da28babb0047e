// When a guest has been quiet for a while, which is all that can be seen of a guest that waits for a key.

/** A guest that neither prints nor reads for so long waits, as far as anybody can tell. */
const QUIET_MS = 500;

/** Tells once whenever nothing was heard for a while after something was. */
export class Quiet {
  #heard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly tell: () => void) {}

  /** Something was printed or read. */
  readonly hear = (): void => {
    this.#heard = performance.now();
    this.#timer ??= setTimeout(this.#look, QUIET_MS);
  };

  /** The guest is gone. */
  end(): void {
    clearTimeout(this.#timer);
  }

  readonly #look = (): void => {
    const rest = this.#heard + QUIET_MS - performance.now();
    this.#timer = rest > 0 ? setTimeout(this.#look, rest) : undefined;
    if (this.#timer === undefined) this.tell();
  };
}
