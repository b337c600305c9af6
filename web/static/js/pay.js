/** The pay link's page: what a consultation has cost, paying it, its receipts. */

import { html, nothing } from "../vendor/lit-html.js";
import { amount } from "./money.js";
import { readPage } from "./page.js";
import { keepAway, post, takeAway } from "./price.js";
import { cardInWords } from "./price_words.js";
import { t } from "./text.js";
import { dayInWords, exactly, timeOfDay } from "./time.js";
import { byId, drawing } from "./view.js";

/**
 * @typedef {object} PayLook
 * @property {string} state
 * @property {string} practitioner
 * @property {string} starts_at
 * @property {string} currency
 * @property {number} exponent
 * @property {number | null} seconds
 * @property {number | null} price
 * @property {number | null} covered
 * @property {number | null} due
 * @property {number} paid
 * @property {number} refunded
 * @property {boolean} no_show
 * @property {string} card
 * @property {{id: string, number: string, kind: "receipt" | "credit_note", issued_at: string}[]} receipts
 */

const page = readPage({});
const away = location.hash.length > 1 ? null : takeAway();
if (away) history.replaceState(null, "", `#${away}`);
const token = location.hash.slice(1);
const ASK_EVERY = 3000;

/** @type {PayLook | null} */
let look = null;
let problem = "";
let code = "";
let busy = false;

function draw() {
  if (!look) return nothingToShow();
  const starts = new Date(look.starts_at);
  return html`<div class="price">
    <h1>${heading(look)}</h1>
    <p class="soft">
      ${t("Consultation with {name}, {day} at {time}", { name: look.practitioner, day: dayInWords(starts, page.lang), time: timeOfDay(starts, page.lang) })}
    </p>
    ${sums(look)} ${action(look)}
    <div role="alert">${problem ? html`<p class="notice error">${problem}</p>` : nothing}</div>
    ${receipts(look)}
  </div>`;
}

function nothingToShow() {
  if (!problem) return html`<div class="end"><h1>${t("One moment…")}</h1></div>`;
  // A mangled link is refused by its form already, before anything is looked up.
  const dead = !token || code === "link_unknown" || code === "bad_body";
  return html`<div class="end">
    <h1>${dead ? t("This link does not work") : t("This page could not be loaded")}</h1>
    <p>${dead ? t("It is not complete, or no longer valid. Please open the whole link again, or ask your practitioner for a new one.") : problem}</p>
    ${dead ? nothing : html`<p class="end-actions"><button type="button" class="primary" @click=${() => void ask("/pay/look")}>${t("Try again")}</button></p>`}
  </div>`;
}

/** @param {PayLook} now */
function heading({ state }) {
  switch (state) {
    case "pending":
    case "unpaid":
      return t("To pay");
    case "failed":
      return t("The payment did not work");
    case "processing":
      return t("The payment is on its way");
    case "draft":
      return t("The amount is not confirmed yet");
    case "no_payment":
    case "cancelled":
      return t("There is nothing to pay");
    case "refunded":
      return t("Given back");
    default:
      return t("Paid");
  }
}

/** @param {PayLook} now */
function sums({ currency, exponent, seconds, price, covered, due, paid, refunded, no_show: noShow, card }) {
  /** @param {number} minor */
  const money = (minor) => amount(minor, currency, exponent, page.lang);
  if (price === null) return nothing;
  return html`<section class="card price-card" aria-label=${t("Amount")}>
    <dl>
      ${noShow ? html`<div><dt>${t("Missed appointment")}</dt><dd></dd></div>` : nothing}
      ${seconds ? html`<div><dt>${t("Billed time")}</dt><dd>${exactly(seconds * 1000)}</dd></div>` : nothing}
      <div><dt>${t("Price")}</dt><dd>${money(price)}</dd></div>
      ${covered ? html`<div><dt>${t("Paid by your code")}</dt><dd>− ${money(covered)}</dd></div>` : nothing}
      <div class="price-total"><dt>${t("Your part")}</dt><dd>${money(due ?? 0)}</dd></div>
      ${paid ? html`<div><dt>${card ? t("Paid with {card}", { card: cardInWords(card) }) : t("Paid")}</dt><dd>${money(paid)}</dd></div>` : nothing}
      ${refunded ? html`<div><dt>${t("Given back")}</dt><dd>${money(refunded)}</dd></div>` : nothing}
    </dl>
  </section>`;
}

/** @param {PayLook} now */
function action({ state, currency, exponent, due, paid }) {
  if (!["pending", "unpaid", "failed"].includes(state)) return nothing;
  const owed = amount((due ?? 0) - paid, currency, exponent, page.lang);
  return html`<p><button type="button" class="primary" ?disabled=${busy} @click=${() => void enterCard()}>${t("Pay {amount} by card", { amount: owed })}</button></p>
    <p class="soft">${t("Visa, Mastercard and American Express.")}</p>`;
}

/** @param {PayLook} now */
function receipts({ receipts: all }) {
  if (all.length === 0) return nothing;
  return html`<section aria-labelledby="receipts-title">
    <h2 id="receipts-title">${t("Receipts")}</h2>
    <ul class="receipts">
      ${all.map(
        ({ id, number, kind }) => html`<li>
          <form method="post" action="/pay/receipt">
            <input type="hidden" name="token" value=${token} /><input type="hidden" name="receipt" value=${id} />
            <span>${kind === "receipt" ? t("Receipt {number}", { number }) : t("Credit note {number}", { number })}</span>
            <button>${t("Download the PDF")}<span class="visually-hidden"> (${number})</span></button>
          </form>
        </li>`,
      )}
    </ul>
  </section>`;
}

const refresh = drawing(byId("app"), draw, () => {
  document.title = `${document.querySelector("h1")?.textContent ?? ""} · Visavis`;
});

/** @param {string} path */
async function ask(path) {
  busy = true;
  refresh();
  const answer = await post(path, { token });
  busy = false;
  ({ problem, code } = answer);
  if (answer.value && path !== "/pay/card") look = answer.value;
  refresh();
  return answer.value;
}

/** Asks without a sign of it. */
async function askQuietly() {
  const { value } = await post("/pay/seen", { token });
  if (!value || busy) return;
  look = value;
  refresh();
}

async function enterCard() {
  const form = await ask("/pay/card");
  if (!form?.url) return;
  keepAway(token);
  location.assign(form.url);
}

window.addEventListener("hashchange", () => location.reload());
void ask(away ? "/pay/seen" : "/pay/look");
setInterval(() => {
  if (!busy && (look?.state === "processing" || look?.state === "draft")) void askQuietly();
}, ASK_EVERY);
