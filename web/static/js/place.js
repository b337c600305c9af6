/**
 * A patient's place, kept in the browser: the signed ticket, per invitation.
 *
 * The invitation is a secret, so the place is filed under its SHA-256. A second, tab-bound note says that this
 * very tab has joined: only then does a reload go on without asking.
 */

import { remember, remembered } from "./preferences.js";

/** @typedef {{ticket: string, name: string}} Kept */

export class Place {
  /** @param {string} key */
  constructor(key) {
    this.key = key;
  }

  /**
   * Returns the place that belongs to the invitation.
   * @param {string} invitation
   */
  static async of(invitation) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(invitation));
    const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return new Place(`visavis:place:${hex}`);
  }

  /** @returns {Kept | null} */
  get kept() {
    return remembered(this.key);
  }

  /** @param {Kept} place */
  keep(place) {
    remember(this.key, place);
  }

  forget() {
    remember(this.key, null);
    this.joined = false;
  }

  /** Whether this tab was in the waiting room or the call when it was last seen. */
  get joined() {
    try {
      return sessionStorage.getItem(this.key) === "joined";
    } catch {
      return false;
    }
  }

  set joined(inside) {
    try {
      if (inside) sessionStorage.setItem(this.key, "joined");
      else sessionStorage.removeItem(this.key);
    } catch {
      // Without a memory a reload passes through the device check again.
    }
  }
}
