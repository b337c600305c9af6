/** What the patient owes or has paid, on the page at the end of the call. */

import { html, nothing } from "../vendor/lit-html.js";
import { amount } from "./money.js";
import { t } from "./text.js";

/**
 * @param {import("./price.js").PriceLook | null} look
 * @param {string} lang
 * @param {boolean} ended whether there was a call
 */
export function duesView(look, lang, ended) {
  if (!look || look.state === "free" || look.payment === null) return nothing;
  const { tariff, due, paid, pay_url: url } = look;
  /** @param {number | null} minor */
  const money = (minor) => amount(minor ?? 0, tariff.currency, tariff.exponent, lang);
  switch (look.payment) {
    case "draft":
      if (!ended) return nothing;
      return html`<p class="notice" role="status">${t("The practitioner is confirming the amount. It appears here, and you get it by e-mail.")}</p>`;
    case "no_payment":
    case "cancelled":
      return html`<p class="notice" role="status">${t("There is nothing to pay.")}</p>`;
    case "processing":
      return html`<p class="notice busy" role="status">${t("{amount} is being taken from what you authorised.", { amount: money(due) })}</p>`;
    case "pending":
    case "failed":
    case "unpaid":
      return html`<div class="notice" role="status">
        <p>${t("To pay: {amount}", { amount: money((due ?? 0) - (paid ?? 0)) })}</p>
        ${url ? html`<p><a class="button primary" href=${url}>${t("Pay now")}</a></p>` : nothing}
      </div>`;
    default:
      return html`<div class="notice" role="status">
        <p>${t("Paid: {amount}", { amount: money(paid) })}</p>
        ${url ? html`<p><a class="button" href=${url}>${t("To the receipt")}</a></p>` : nothing}
      </div>`;
  }
}
