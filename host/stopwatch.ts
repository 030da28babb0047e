// Time that counts against a session's wall limit: all of it but the waiting for somebody to press a key.

/** A clock that can be paused. It runs from the start. */
export class Stopwatch {
  #began = performance.now();
  #pausedAt: number | undefined;

  /** Milliseconds that count. */
  get ms(): number {
    return (this.#pausedAt ?? performance.now()) - this.#began;
  }

  get paused(): boolean {
    return this.#pausedAt !== undefined;
  }

  /** Begins anew, at nothing. */
  restart(): void {
    this.#began = performance.now();
    this.#pausedAt = undefined;
  }

  pause(): void {
    this.#pausedAt ??= performance.now();
  }

  resume(): void {
    if (this.#pausedAt === undefined) return;
    this.#began += performance.now() - this.#pausedAt;
    this.#pausedAt = undefined;
  }
}
