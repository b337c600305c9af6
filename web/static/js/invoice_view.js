/** The invoice as the practitioner sees it: in a dialog during the call, on the page at its end. */

import { html, nothing } from "../vendor/lit-html.js";
import { asTyped, typedAmount } from "./invoice.js";
import { amount } from "./money.js";
import { t } from "./text.js";
import { exactly, timeOfDay } from "./time.js";

/** @typedef {import("./invoice.js").InvoiceLook} InvoiceLook */

const CONFIRMED = {
  no_payment: () => t("Nothing is charged."),
  processing: () => t("The amount is being taken."),
  pending: () => t("The patient has a payment link, on the screen and by e-mail."),
  paid: () => t("Paid."),
  failed: () => t("The payment did not work. The patient can try another card by the same link."),
  unpaid: () => t("Not paid yet. You can send the link again from Monitoring."),
  cancelled: () => t("Cancelled."),
  partly_refunded: () => t("Partly refunded"),
  refunded: () => t("Refunded"),
  disputed: () => t("Disputed"),
  won: () => t("Dispute won"),
  lost: () => t("Dispute lost"),
};

/**
 * @param {import("./invoice.js").Invoice} invoice
 * @param {string} lang
 * @param {boolean} over whether the call has ended
 */
export function invoiceView(invoice, lang, over) {
  const { look } = invoice;
  if (!look || invoice.free) return nothing;
  const told = CONFIRMED[/** @type {keyof typeof CONFIRMED} */ (look.state ?? "")];
  return html`<section class="invoice" aria-labelledby="invoice-title">
    <h2 id="invoice-title">${t("Invoice")}</h2>
    ${sums(look, lang)}
    ${look.state === null
      ? html`<p class="soft">${t("The patient has not agreed to the price yet.")}</p>`
      : told
        ? html`<p class="notice" role="status">${told()}</p>`
        : look.may_no_show && over
          ? missed(invoice, look, lang)
          : form(invoice, look, lang, over)}
    <div role="alert">${invoice.problem ? html`<p class="notice error">${invoice.problem}</p>` : nothing}</div>
  </section>`;
}

/**
 * @param {InvoiceLook} look
 * @param {string} lang
 */
function sums(look, lang) {
  const { currency, exponent } = look.tariff;
  /** @param {number} minor */
  const money = (minor) => amount(minor, currency, exponent, lang);
  return html`<dl class="sums">
    <div><dt>${t("Billed time")}</dt><dd>${exactly(look.seconds * 1000)}</dd></div>
    <div><dt>${t("Price")}</dt><dd>${money(look.price)}</dd></div>
    ${look.covered ? html`<div><dt>${t("Paid by a code")}</dt><dd>${money(look.covered)}</dd></div>` : nothing}
    ${look.waived ? html`<div><dt>${t("Not charged")}</dt><dd>− ${money(look.waived)}</dd></div>` : nothing}
    <div class="price-total"><dt>${t("Charged to the patient")}</dt><dd>${money(look.due)}</dd></div>
    ${look.given_up || (look.paid && look.paid !== look.due)
      ? html`<div><dt>${t("Paid")}</dt><dd>${money(look.paid)}</dd></div>`
      : nothing}
    ${look.given_up ? html`<div><dt>${t("Given up")}</dt><dd>${money(look.given_up)}</dd></div>` : nothing}
    ${look.due > look.given_up
      ? html`<div><dt>${t("Commission of the platform")}</dt><dd>− ${money(look.commission)}</dd></div>
          <div><dt>${look.estimated ? t("Card fee, estimated") : t("Card fee")}</dt><dd>− ${money(look.card_fee)}</dd></div>
          <div><dt>${look.estimated ? t("For you, estimated") : t("For you")}</dt><dd>${money(look.net)}</dd></div>`
      : nothing}
  </dl>`;
}

/**
 * @param {import("./invoice.js").Invoice} invoice
 * @param {InvoiceLook} look
 * @param {string} lang
 * @param {boolean} over
 */
function form(invoice, look, lang, over) {
  const { exponent, currency } = look.tariff;
  if (look.locked) return locked(invoice, look, over);
  const shown = look.entered ?? (look.tariff.basis === "at_end" && look.price === 0 ? look.tariff.fixed : look.price);
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (/** @type {HTMLFormElement} */ (event.target).elements.namedItem("invoice-amount"));
    const minor = typedAmount(field.value, exponent);
    if (minor === null) {
      invoice.problem = t("This is not an amount: write it like 45.00, with no more decimals than the currency has.");
      return invoice.onChange();
    }
    // What was not changed is left to the meter, which may still be counting.
    const value = field.value === field.defaultValue && look.entered === null && look.tariff.basis !== "at_end" ? null : minor;
    void (over ? invoice.confirm(value) : invoice.enter(value));
  };
  return html`<form class="stack" @submit=${submit}>
    <label class="field"><span>${t("Amount ({currency})", { currency })}</span>
      <input name="invoice-amount" inputmode="decimal" autocomplete="off" maxlength="12"
        .defaultValue=${asTyped(shown, exponent, lang)} /></label>
    <p class="hint">
      ${look.ceiling === null ? t("0.00 is possible: then nothing is charged.") : t("At most {amount}, as the patient has authorised. 0.00 is possible.", { amount: amount(look.ceiling, currency, exponent, lang) })}
    </p>
    <button class="primary" ?disabled=${invoice.busy}>${over ? t("Confirm the amount") : t("Use this amount at the end")}</button>
    ${!over && look.entered !== null
      ? html`<button type="button" ?disabled=${invoice.busy} @click=${() => void invoice.enter(null)}>${t("Back to what the meter says")}</button>`
      : nothing}
  </form>`;
}

/**
 * A platform's price is charged as it is, or given up.
 * @param {import("./invoice.js").Invoice} invoice
 * @param {InvoiceLook} look
 * @param {boolean} over
 */
function locked(invoice, look, over) {
  const decide = (/** @type {number | null} */ value) => void (over ? invoice.confirm(value) : invoice.enter(value));
  return html`<p class="hint">${t("This price was set by the platform: it is charged as it is, or not at all.")}</p>
    <p class="row">
      ${over || look.entered !== null
        ? html`<button type="button" class="primary" ?disabled=${invoice.busy} @click=${() => decide(null)}>
            ${over ? t("Confirm the amount") : t("Back to what the meter says")}
          </button>`
        : nothing}
      ${look.entered === null
        ? html`<button type="button" ?disabled=${invoice.busy} @click=${() => decide(0)}>${t("Charge nothing")}</button>`
        : nothing}
    </p>`;
}

/**
 * @param {import("./invoice.js").Invoice} invoice
 * @param {InvoiceLook} look
 * @param {string} lang
 */
function missed(invoice, look, lang) {
  /** @param {string} at */
  const time = (at) => timeOfDay(new Date(at), lang);
  return html`<p>
      ${look.waited_since
        ? t("The patient waited since {time}, and you did not meet.", { time: time(look.waited_since) })
        : t("The patient has not come.")}
      ${look.host_since ? t("You were there since {time}.", { time: time(look.host_since) }) : nothing}
    </p>
    <p class="row">
      <button type="button" class="primary" ?disabled=${invoice.busy} @click=${() => void invoice.noShow(true)}>${t("Charge the missed appointment: {amount}", { amount: amount(look.missed, look.tariff.currency, look.tariff.exponent, lang) })}</button>
      <button type="button" ?disabled=${invoice.busy} @click=${() => void invoice.noShow(false)}>${t("Do not charge")}</button>
    </p>`;
}
