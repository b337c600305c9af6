/** The meter between two of the server's readings: it counts on by itself, with costs that the server has computed. */

/** @typedef {import("./messages.js").Meter} Reading */

/**
 * @typedef {object} Shown
 * @property {number} seconds billable so far
 * @property {number} cost in minor units
 * @property {string} currency
 * @property {number} exponent
 * @property {boolean} running
 * @property {boolean} paused
 * @property {number | null} left seconds that the patient's holds still cover
 */

export class Meter {
  /** @type {Reading | null} */
  #reading = null;
  #heardAt = 0;

  /**
   * @param {Reading} reading
   * @param {number} now in milliseconds, of a clock that only goes forward
   */
  hear(reading, now) {
    this.#reading = reading;
    this.#heardAt = now;
  }

  /** Forgets the call. */
  reset() {
    this.#reading = null;
  }

  /**
   * Returns what to show, or null in a call that is free.
   * @param {number} now in milliseconds
   * @returns {Shown | null}
   */
  shown(now) {
    const reading = this.#reading;
    if (!reading) return null;
    const passed = reading.running ? Math.floor((now - this.#heardAt) / 1000) : 0;
    // Further than the costs go nobody knows whether both are still heard.
    const more = Math.max(0, Math.min(passed, reading.next_costs.length));
    const { currency, exponent, running, paused, ends_in: endsIn } = reading;
    return {
      seconds: reading.seconds + more,
      cost: more > 0 ? reading.next_costs[more - 1] ?? reading.cost : reading.cost,
      currency,
      exponent,
      running,
      paused,
      left: endsIn === null ? null : Math.max(0, endsIn - more),
    };
  }
}
