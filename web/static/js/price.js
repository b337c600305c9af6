/** What a consultation costs its patient, from the invitation to the receipt. No drawing here. */

import { t } from "./text.js";

/**
 * @typedef {object} Tariff amounts in minor units, durations in seconds
 * @property {"free" | "fixed" | "per_minute" | "at_end"} basis
 * @property {string} currency
 * @property {number} exponent
 * @property {number} fixed
 * @property {number} per_minute
 * @property {number} free_seconds
 * @property {number} minimum_seconds
 * @property {number} granularity
 * @property {number} minimum
 * @property {number | null} cap
 */

/**
 * @typedef {object} PriceLook
 * @property {"free" | "agree" | "card" | "wait" | "declined" | "expired" | "ready"} state
 * @property {Tariff} tariff
 * @property {"hold" | "after"} when
 * @property {number} minutes
 * @property {number | null} most the highest price, null when the practitioner alone says it at the end
 * @property {number | null} most_due what a coupon leaves of it
 * @property {number} covered_percent
 * @property {number} covered_amount
 * @property {number} hold_amount
 * @property {boolean} card_only whether it is too early to hold anything: the card is kept, the amount set aside later
 * @property {string | null} capture_before
 * @property {string} card
 * @property {string} declined
 * @property {string | null} payment
 * @property {number | null} due
 * @property {number | null} paid
 * @property {string | null} pay_url
 */

/** @typedef {{name: string, email: string, coupon: string}} Wanted */

// The card form is on another page: this tells the one that comes back whose consultation it was.
const AWAY = "visavis-away";
const ASK_EVERY = 3000;
// Whoever leaves the page open for hours learns of it all the same.
const ASK_LATER_EVERY = 30000;
const ASKED_OFTEN = 40;

export class Price {
  /** @type {PriceLook | null} */
  look = null;
  /** Whether a request is under way. */
  busy = false;
  /** What went wrong last, as the server says it in the page's language. */
  problem = "";
  /** The code that was tried with success. */
  coupon = "";
  /** Whether a second card form is open in another tab. */
  extending = false;
  /** Where that form is, when the browser has opened no tab. */
  formUrl = "";

  #askedAt = -Infinity;
  #asked = 0;

  /**
   * @param {object} parts
   * @param {string} parts.invitation
   * @param {() => void} parts.onChange
   */
  constructor({ invitation, onChange }) {
    this.invitation = invitation;
    this.onChange = onChange;
  }

  /** Whether nothing keeps the patient from waiting. */
  get settled() {
    return this.look !== null && (this.look.state === "ready" || this.look.state === "free");
  }

  /** Whether the amount is confirmed: the consultation has taken place, or never will. */
  get over() {
    return this.look !== null && this.look.payment !== null && this.look.payment !== "draft";
  }

  /** Asks how it stands, without a sign of it. */
  async refresh() {
    await this.#askQuietly("/join/price");
  }

  /** Asks how it stands; after the card form the provider is asked too. @param {boolean} [returned] */
  async see(returned = false) {
    if (await this.#ask(returned ? "/join/price/seen" : "/join/price", {})) this.coupon = "";
  }

  /** Tries a coupon. @param {string} code */
  async tryCoupon(code) {
    if (await this.#ask("/join/price/coupon", { coupon: code })) this.coupon = code;
    this.onChange();
  }

  /** Agrees, and goes on to the card form where one is needed. @param {Wanted} wanted */
  async agree({ name, email, coupon }) {
    if (!this.look) return;
    const done = await this.#ask("/join/price/agree", { name, email, coupon, most: this.look.most });
    if (done && !this.settled) await this.enterCard();
  }

  /** Leaves for the card form. */
  async enterCard() {
    const form = await this.#post("/join/price/card", {});
    if (!form) return;
    if (!form.url) return this.see(true);
    keepAway(this.invitation);
    location.assign(form.url);
  }

  /** Authorises more during the call; the card form, if one is needed, opens beside it. */
  async extend() {
    // Browsers let a page open a tab only while it answers a click.
    const tab = window.open("", "_blank");
    const form = await this.#post("/join/price/more", {});
    this.extending = Boolean(form);
    this.formUrl = form?.url && !tab ? form.url : "";
    if (form?.url && tab) tab.location.replace(new URL(form.url, location.href));
    else tab?.close();
    this.onChange();
  }

  /**
   * To be called every second while something is awaited.
   * @param {number} now in milliseconds
   */
  tick(now) {
    const awaited = this.look?.state === "wait" || this.extending;
    if (awaited && this.#isDue(now)) void this.#askQuietly("/join/price/seen");
  }

  /**
   * To be called every second once the call is over, until it is known what is to be paid.
   * @param {number} now in milliseconds
   */
  tickAfter(now) {
    const open = !this.look || this.look.payment === "draft" || this.look.payment === "processing";
    if (open && this.#isDue(now)) void this.#askQuietly("/join/price");
  }

  /** @param {number} now in milliseconds */
  #isDue(now) {
    const every = this.#asked < ASKED_OFTEN ? ASK_EVERY : ASK_LATER_EVERY;
    if (this.busy || now - this.#askedAt < every) return false;
    this.#askedAt = now;
    this.#asked += 1;
    return true;
  }

  /**
   * Asks without a sign of it: a page that blinks at every question cannot be read.
   * @param {string} path
   */
  async #askQuietly(path) {
    const { value } = await post(path, { invitation: this.invitation });
    if (!value || this.busy) return;
    this.look = value;
    this.onChange();
  }

  /**
   * @param {string} path
   * @param {object} values
   * @returns {Promise<boolean>}
   */
  async #ask(path, values) {
    const look = await this.#post(path, values);
    if (look) this.look = look;
    this.onChange();
    return Boolean(look);
  }

  /**
   * @param {string} path
   * @param {object} values
   */
  async #post(path, values) {
    this.busy = true;
    this.problem = "";
    this.onChange();
    const answer = await post(path, { invitation: this.invitation, ...values });
    this.busy = false;
    this.problem = answer.problem;
    this.onChange();
    return answer.value;
  }
}

/**
 * Returns what the server answers, or the sentence in which it refuses, with its code ("" when there was no answer).
 * @param {string} path
 * @param {object} body
 * @returns {Promise<{value: any, problem: string, code: string}>}
 */
export async function post(path, body) {
  const silent = { value: null, problem: t("The service does not answer. Please try again in a moment."), code: "" };
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const value = await response.json();
    if (response.ok) return { value, problem: "", code: "" };
    return { value: null, problem: value.detail ?? silent.problem, code: value.code ?? "" };
  } catch {
    return silent;
  }
}

/** @param {string} word that this tab is to know again when it comes back */
export function keepAway(word) {
  sessionStorage.setItem(AWAY, word);
}

/** Returns the word that was kept, once. */
export function takeAway() {
  const word = sessionStorage.getItem(AWAY);
  sessionStorage.removeItem(AWAY);
  return word;
}
