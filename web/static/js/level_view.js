/** The bar that shows how loud one's microphone is. */

import { html } from "../vendor/lit-html.js";
import { t } from "./text.js";

export function levelMeter() {
  return html`<div
    class="level"
    role="meter"
    aria-label=${t("Microphone level")}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow="0"
  ></div>`;
}

/**
 * Shows this level in every meter of the page. Not drawn with the view: it changes ten times a second.
 * @param {number} value from 0 to 1
 */
export function showLevel(value) {
  for (const meter of document.querySelectorAll(".level")) {
    /** @type {HTMLElement} */ (meter).style.setProperty("--level", value.toFixed(2));
    meter.setAttribute("aria-valuenow", String(Math.round(value * 10) * 10));
  }
}
