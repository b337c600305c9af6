/** The page's words: every sentence goes through `t`, whose catalogue the server put into the page. */

/** @type {Record<string, string>} */
let catalogue = {};

/**
 * Makes `texts` the sentences that `t` looks up.
 * @param {Record<string, string>} texts from English sentence to the page's language
 */
export function useCatalogue(texts) {
  catalogue = texts;
}

/**
 * Returns the sentence in the page's language with each `{name}` replaced; the English one when it is not known.
 * @param {string} msgid
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(msgid, values = {}) {
  const text = catalogue[msgid] || msgid;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
