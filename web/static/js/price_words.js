/** Prices and payments in words. */

import { amount } from "./money.js";
import { t } from "./text.js";

/** @typedef {import("./price.js").Tariff} Tariff */
/** @typedef {import("./price.js").PriceLook} PriceLook */

/**
 * Returns the lines that say how the price is made.
 * @param {Tariff} tariff
 * @param {string} lang
 * @returns {string[]}
 */
export function tariffInWords(tariff, lang) {
  /** @param {number} minor */
  const money = (minor) => amount(minor, tariff.currency, tariff.exponent, lang);
  const lines = [];
  if (tariff.basis === "fixed") lines.push(t("{amount}, whatever the time", { amount: money(tariff.fixed) }));
  if (tariff.basis === "at_end") {
    lines.push(t("The practitioner says the amount at the end."));
    if (tariff.fixed > 0) lines.push(t("Usually {amount}", { amount: money(tariff.fixed) }));
  }
  if (tariff.basis === "per_minute") {
    lines.push(t("{amount} a minute", { amount: money(tariff.per_minute) }));
    if (tariff.fixed > 0) lines.push(t("plus {amount} for the consultation", { amount: money(tariff.fixed) }));
    if (tariff.free_seconds > 0) lines.push(t("Free at the beginning: {duration}", { duration: inMinutes(tariff.free_seconds) }));
    if (tariff.minimum_seconds > 0) lines.push(t("Counted at least: {duration}", { duration: inMinutes(tariff.minimum_seconds) }));
    lines.push(counted(tariff.granularity));
    if (tariff.minimum > 0) lines.push(t("At least {amount}", { amount: money(tariff.minimum) }));
  }
  return lines;
}

/** @param {number} granularity */
function counted(granularity) {
  if (granularity === 1) return t("Counted by the second, only while you both hear each other.");
  if (granularity === 60) return t("Every minute that has begun counts, only while you both hear each other.");
  return t("Counted in steps of {duration}, only while you both hear each other.", { duration: inMinutes(granularity) });
}

/** @param {number} seconds */
function inMinutes(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  if (rest === 0) return t("{minutes} min", { minutes });
  return minutes === 0 ? t("{seconds} s", { seconds: rest }) : `${t("{minutes} min", { minutes })} ${t("{seconds} s", { seconds: rest })}`;
}

const BRANDS = new Map([["visa", "Visa"], ["mastercard", "Mastercard"], ["amex", "American Express"], ["cartes_bancaires", "CB"]]);

/**
 * Returns a card as people call it, "Visa 4242".
 * @param {string} card its brand and last digits, as the provider names them
 */
export function cardInWords(card) {
  const [brand = "", ...digits] = card.split(" ");
  return [BRANDS.get(brand) ?? brand, ...digits].join(" ");
}

/**
 * Returns why a card was not taken.
 * @param {string} code the provider's
 * @returns {string}
 */
export function declinedInWords(code) {
  switch (code) {
    case "insufficient_funds":
      return t("The bank says that there is not enough on this card.");
    case "expired_card":
      return t("This card has expired.");
    case "card_brand_not_accepted":
    case "card_not_supported":
      return t("Only Visa, Mastercard and American Express are taken.");
    case "authentication_required":
    case "payment_intent_authentication_failure":
      return t("Your bank could not make sure that it was you.");
    default:
      return t("The bank has declined this card.");
  }
}
