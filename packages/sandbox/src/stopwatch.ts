/** Measures how long a guest runs, with pauses, and rings when it has run too long. */
export class Stopwatch {
  readonly #limitMs: number;
  readonly #ring: () => void;
  #usedMs = 0;
  #since: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param ring - Called once the time run adds up to `limitMs`. */
  constructor(limitMs: number, ring: () => void) {
    this.#limitMs = limitMs;
    this.#ring = ring;
  }

  /** Time run so far, in ms. */
  get usedMs(): number {
    return this.#usedMs + (this.#since === undefined ? 0 : performance.now() - this.#since);
  }

  /** Starts, or resumes after a pause. */
  start(): void {
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    this.#timer = setTimeout(this.#ring, Math.max(1, this.#limitMs - this.#usedMs));
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.#usedMs = this.usedMs;
    this.#since = undefined;
  }
}
