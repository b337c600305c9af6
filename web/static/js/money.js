/** Amounts as people read them. */

/**
 * Returns an amount with its currency, e.g. "24,68 €".
 * @param {number} minor in the currency's smallest units
 * @param {string} currency
 * @param {number} exponent how many decimals the currency has
 * @param {string} lang
 */
export function amount(minor, currency, exponent, lang) {
  const form = /** @type {const} */ ({ style: "currency", currency, minimumFractionDigits: exponent, maximumFractionDigits: exponent });
  return new Intl.NumberFormat(lang === "en" ? "en-GB" : lang, form).format(minor / 10 ** exponent);
}
