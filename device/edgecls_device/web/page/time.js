// The server's clock as seen from here, so that an age is right although the clocks of two machines differ.

const WINDOW_MS = 30_000;
const LEAP_MS = 10_000; // no message is on its way for longer: the server gives up such a viewer

/**
 * Takes the fastest message of the last half minute as the one without delay; what comes later than that
 * was on its way for longer. So a slow network shows as age instead of hiding it.
 */
export class ServerClock {
  #best = Infinity;
  #previous = Infinity;
  #since = 0;

  /** Note a message that was sent at `sent` (server's clock, seconds since 1970) and arrived now. */
  note(sent) {
    const now = Date.now();
    const delay = now - 1000 * sent;
    const known = Math.min(this.#best, this.#previous);
    if (Math.abs(delay - known) > LEAP_MS) this.#best = this.#previous = Infinity; // a clock was set
    if (now - this.#since > WINDOW_MS || now < this.#since) {
      this.#previous = this.#best;
      this.#best = Infinity;
      this.#since = now;
    }
    this.#best = Math.min(this.#best, delay);
  }

  /** Seconds since 1970 on the server's clock. */
  get now() {
    const delay = Math.min(this.#best, this.#previous);
    return (Date.now() - (Number.isFinite(delay) ? delay : 0)) / 1000;
  }
}

/** Milliseconds since it was made. Only the wall clock goes on while a phone sleeps, and it may be set back. */
export class Stopwatch {
  #wall = Date.now();
  #steady = performance.now();

  get elapsed() {
    return Math.max(Date.now() - this.#wall, performance.now() - this.#steady);
  }
}
