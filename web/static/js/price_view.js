/** The price before the waiting room: how it is made, its maximum, the agreement, and the hold on a card. */

import { html, nothing } from "../vendor/lit-html.js";
import { icon } from "./icons.js";
import { amount } from "./money.js";
import { cardInWords, declinedInWords, tariffInWords } from "./price_words.js";
import { t } from "./text.js";
import { dayInWords, timeOfDay } from "./time.js";

/**
 * @typedef {object} PriceModel
 * @property {import("./price.js").Price} price
 * @property {import("./look.js").Invited} invited
 * @property {string} name
 * @property {string} lang
 */

/** @param {PriceModel} model */
export function priceView(model) {
  const { price, invited, lang } = model;
  const look = price.look;
  if (!look) {
    const again = html`<p><button type="button" class="primary" @click=${() => void price.see()}>${t("Try again")}</button></p>`;
    return html`<div class="end"><h1>${t("One moment…")}</h1>${problem(price)} ${price.problem ? again : nothing}</div>`;
  }
  const starts = new Date(invited.starts_at);
  return html`<div class="price">
    <h1>${t("What this consultation costs")}</h1>
    <p class="soft">
      ${t("With {name}, {day} at {time}", { name: invited.practitioner, day: dayInWords(starts, lang), time: timeOfDay(starts, lang) })}
    </p>
    ${tariffCard(look, lang)} ${step(model, look)} ${problem(price)}
  </div>`;
}

/** @param {import("./price.js").Price} price */
function problem(price) {
  return html`<div role="alert">${price.problem ? html`<p class="notice error">${price.problem}</p>` : nothing}</div>`;
}

/**
 * @param {import("./price.js").PriceLook} look
 * @param {string} lang
 */
function tariffCard(look, lang) {
  const { tariff } = look;
  /** @param {number} minor */
  const money = (minor) => amount(minor, tariff.currency, tariff.exponent, lang);
  const [first, ...rest] = tariffInWords(tariff, lang);
  const covered = look.most !== null && look.most_due !== null && look.most_due < look.most;
  return html`<section class="card price-card" aria-label=${t("Price")}>
    <p class="price-head">${first}</p>
    ${rest.length ? html`<ul>${rest.map((line) => html`<li>${line}</li>`)}</ul>` : nothing}
    <dl>
      <div><dt>${t("At most, for {minutes} minutes", { minutes: look.minutes })}</dt>
        <dd>${look.most === null ? t("said at the end") : money(look.most)}</dd></div>
      ${covered && look.most !== null && look.most_due !== null
        ? html`<div><dt>${t("Paid by your code")}</dt><dd>− ${money(look.most - look.most_due)}</dd></div>
            <div class="price-total"><dt>${t("At most for you")}</dt><dd>${money(look.most_due)}</dd></div>`
        : nothing}
    </dl>
  </section>`;
}

/**
 * @param {PriceModel} model
 * @param {import("./price.js").PriceLook} look
 */
function step(model, look) {
  const { price, lang } = model;
  const { tariff } = look;
  const held = amount(look.hold_amount, tariff.currency, tariff.exponent, lang);
  switch (look.state) {
    case "agree":
      return agreement(model, look);
    case "wait":
      return html`<p class="notice busy" role="status">${t("Your bank is being asked. This takes a moment.")}</p>`;
    case "declined":
      return html`<p class="notice warning" role="status">${declinedInWords(look.declined)} ${t("Nothing was charged.")}</p>
        ${cardButton(price, t("Try another card"))}`;
    case "expired":
      return html`<p class="notice warning" role="status">
          ${t("The authorisation on your card has lapsed, as banks keep one for some days only. Nothing was charged. Please authorise {amount} again to go on.", { amount: held })}
        </p>
        ${cardButton(price, t("Authorise again"))}`;
    case "card":
      return look.card && !look.card_only
        ? html`${aboutHold(look, held)} ${cardButton(price, t("Authorise {amount} on {card}", { amount: held, card: cardInWords(look.card) }))}`
        : html`${aboutHold(look, held)} ${cardButton(price, t("Go on to the card"))}`;
    default:
      return html`<p class="notice" role="status">${t("All is settled.")}</p>`;
  }
}

/**
 * @param {import("./price.js").Price} price
 * @param {string} words
 */
function cardButton(price, words) {
  return html`<p><button type="button" class="primary" ?disabled=${price.busy} @click=${() => void price.enterCard()}>${icon("card")}${words}</button></p>`;
}

/**
 * @param {import("./price.js").PriceLook} look
 * @param {string} held
 */
function aboutHold(look, held) {
  if (look.hold_amount === 0) return nothing;
  if (look.card_only) {
    return html`<p class="soft">
      ${t("Your card is kept now, and nothing is taken or set aside yet. Shortly before the consultation your bank sets {amount} aside, and after it only what it came to is taken.", { amount: held })}
      ${t("Visa, Mastercard and American Express.")}
    </p>`;
  }
  return html`<p class="soft">
    ${t("Your bank sets {amount} aside now. After the consultation only what it came to is taken, and the rest is freed. Nothing is charged if it does not take place.", { amount: held })}
    ${t("Visa, Mastercard and American Express.")}
  </p>`;
}

/**
 * @param {PriceModel} model
 * @param {import("./price.js").PriceLook} look
 */
function agreement({ price, name, lang }, look) {
  const { tariff } = look;
  const free = look.most_due === 0 && look.most !== null && look.most > 0;
  const held = amount(look.hold_amount, tariff.currency, tariff.exponent, lang);
  const holds = look.when === "hold" && !free && look.hold_amount > 0;
  return html`<form class="stack" @submit=${(/** @type {SubmitEvent} */ event) => submitted(event, price)}>
    <label class="field"><span>${t("Your name")}</span>
      <input name="name" autocomplete="name" maxlength="80" required .value=${name} /></label>
    <label class="field"><span>${t("Your e-mail address, for the receipt")}</span>
      <input name="email" type="email" autocomplete="email" maxlength="254" required /></label>
    <div class="field coupon">
      <label for="coupon">${t("Code of your company or insurance, if you have one")}</label>
      <div class="row">
        <input id="coupon" name="coupon" maxlength="64" autocomplete="off" autocapitalize="characters" spellcheck="false" />
        <button type="button" ?disabled=${price.busy} @click=${(/** @type {Event} */ event) => tried(event, price)}>${t("Use the code")}</button>
      </div>
      <p role="status">${price.coupon ? t("The code {code} is taken into account.", { code: price.coupon }) : nothing}</p>
    </div>
    ${holds ? aboutHold(look, held) : look.when === "after" && !free ? html`<p class="soft">${t("You pay after the consultation, by a link.")}</p>` : nothing}
    <button class="primary" ?disabled=${price.busy}>
      ${!holds ? t("Agree to this price") : look.card_only ? t("Agree, and go on to the card") : t("Agree, and authorise {amount}", { amount: held })}
    </button>
  </form>`;
}

/**
 * @param {SubmitEvent} event
 * @param {import("./price.js").Price} price
 */
function submitted(event, price) {
  event.preventDefault();
  const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
  /** @param {string} field */
  const text = (field) => String(form.get(field) ?? "").trim();
  void price.agree({ name: text("name"), email: text("email"), coupon: text("coupon") });
}

/**
 * @param {Event} event
 * @param {import("./price.js").Price} price
 */
function tried(event, price) {
  const form = /** @type {HTMLButtonElement} */ (event.currentTarget).form;
  const field = /** @type {HTMLInputElement | null} */ (form?.elements.namedItem("coupon"));
  if (field?.value.trim()) void price.tryCoupon(field.value.trim());
}
