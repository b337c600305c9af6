/** The practitioner's invoice: how the price stands, the amount that is entered or confirmed. No drawing here. */

import { post } from "./price.js";

/**
 * @typedef {object} InvoiceLook amounts in minor units
 * @property {import("./price.js").Tariff} tariff
 * @property {"hold" | "after"} when
 * @property {string | null} state
 * @property {string} patient
 * @property {number} seconds
 * @property {number} price
 * @property {number} covered
 * @property {number} waived
 * @property {number} due
 * @property {number} paid
 * @property {number} given_up what was confirmed and is not asked for any more
 * @property {number | null} entered
 * @property {number | null} ceiling
 * @property {boolean} running
 * @property {boolean} locked
 * @property {boolean} no_show
 * @property {boolean} may_no_show
 * @property {number} missed what a patient who did not come would be charged
 * @property {number} card_fee
 * @property {number} commission
 * @property {number} net
 * @property {boolean} estimated
 * @property {string | null} waited_since
 * @property {string | null} host_since
 */

const ASK_EVERY = 3000;

export class Invoice {
  /** @type {InvoiceLook | null} */
  look = null;
  busy = false;
  problem = "";

  #askedAt = -Infinity;

  /**
   * @param {object} parts
   * @param {string} parts.consultation
   * @param {boolean} parts.priced false for a consultation that is free: then nothing is asked
   * @param {() => void} parts.onChange
   */
  constructor({ consultation, priced, onChange }) {
    this.free = !priced;
    this.path = `/consultations/${consultation}`;
    this.onChange = onChange;
  }

  /** Asks how it stands. */
  async see() {
    if (this.free) return;
    try {
      const response = await fetch(`${this.path}/invoice`);
      const value = await response.json();
      if (response.ok) this.look = value;
      this.free = value.code === "price_missing";
    } catch {
      // The next turn asks again.
    }
    this.onChange();
  }

  /** @param {number | null} amount in minor units; null for what the meter says */
  enter(amount) {
    return this.#do("/invoice", { amount });
  }

  /** @param {number | null} amount in minor units; null for what the meter says */
  confirm(amount) {
    return this.#do("/invoice/confirm", { amount });
  }

  /** @param {boolean} charge whether the patient who did not come pays */
  noShow(charge) {
    return this.#do("/no-show", { charge });
  }

  /**
   * To be called every second while something is awaited.
   * @param {number} now in milliseconds
   */
  tick(now) {
    const moving = this.look === null || this.look.running || this.look.state === "draft" || this.look.state === "processing";
    if (this.free || !moving || this.busy || now - this.#askedAt < ASK_EVERY) return;
    this.#askedAt = now;
    void this.see();
  }

  /**
   * @param {string} path
   * @param {object} body
   */
  async #do(path, body) {
    this.busy = true;
    this.problem = "";
    this.onChange();
    const { value, problem } = await post(this.path + path, body);
    this.busy = false;
    if (value) this.look = value;
    else this.problem = problem;
    this.onChange();
    return Boolean(value);
  }
}

/**
 * Returns minor units for what was typed with a point or a comma; null when it is no amount of that currency.
 * @param {string} text
 * @param {number} exponent
 */
export function typedAmount(text, exponent) {
  const match = /^(\d{1,9})(?:[.,](\d{1,9}))?$/.exec(text.trim());
  if (!match) return null;
  const decimals = (match[2] ?? "").replace(/0+$/, "");
  if (decimals.length > exponent) return null;
  return Number(match[1]) * 10 ** exponent + Number(decimals.padEnd(exponent, "0") || "0");
}

/**
 * Returns an amount as one types it.
 * @param {number} minor
 * @param {number} exponent
 * @param {string} lang
 */
export function asTyped(minor, exponent, lang) {
  const text = (minor / 10 ** exponent).toFixed(exponent);
  return lang === "fr" ? text.replace(".", ",") : text;
}
