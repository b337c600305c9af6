/** Who somebody is when there is no picture of them: their initials. */

import { html } from "../vendor/lit-html.js";

const TITLES = new Set(["dr", "dre", "pr", "m", "mme", "mlle", "me", "mr", "mrs", "ms", "miss", "docteur", "professeur"]);

/**
 * Returns one or two capital letters: of the first and the last word of a name, without titles.
 * @param {string} name
 * @returns {string}
 */
export function initials(name) {
  const all = name.trim().split(/\s+/).filter((word) => /\p{L}/u.test(word));
  const words = all.filter((word) => !TITLES.has(word.replace(/\.$/, "").toLowerCase()));
  const chosen = words.length > 0 ? words : all;
  const ends = chosen.length > 1 ? [chosen[0], chosen.at(-1)] : chosen;
  return ends.map((word) => word?.match(/\p{L}/u)?.[0]?.toUpperCase() ?? "").join("");
}

/**
 * @param {string} name
 */
export function avatar(name) {
  return html`<span class="avatar" aria-hidden="true">${initials(name)}</span>`;
}
