/** Elapsed time and running cost over the call. */

import { html, nothing } from "../vendor/lit-html.js";
import { amount } from "./money.js";
import { t } from "./text.js";
import { exactly } from "./time.js";

// Enough to decide, and to enter a card.
const WARN_SECONDS = 120;

/**
 * Whether the patient's holds cover so little that both should know.
 * @param {import("./meter.js").Shown | null} shown
 * @returns {shown is import("./meter.js").Shown & {left: number}}
 */
export function isEnding(shown) {
  return shown !== null && shown.left !== null && shown.left <= WARN_SECONDS;
}

/**
 * @param {import("./meter.js").Shown | null} shown
 * @param {string} lang
 */
export function meterView(shown, lang) {
  if (!shown) return nothing;
  const { seconds, cost, currency, exponent, running, paused } = shown;
  const still = paused ? t("Meter stopped") : running ? "" : t("Not counting");
  return html`<dl class="meter ${running && !paused ? "" : "still"}">
    <div><dt>${t("Billed time")}</dt><dd>${exactly(seconds * 1000)}</dd></div>
    <div><dt>${t("Cost so far")}</dt><dd>${amount(cost, currency, exponent, lang)}</dd></div>
    ${still ? html`<div class="meter-state"><dt class="visually-hidden">${t("Meter")}</dt><dd>${still}</dd></div>` : nothing}
  </dl>`;
}
