/** What the server tells the page's script: read once from `<script type="application/json" id="page">`. */

import { useCatalogue } from "./text.js";

/**
 * @typedef {object} PageData
 * @property {string} lang
 * @property {string} page
 * @property {Record<string, string>} catalogue
 */

/**
 * Returns the page's data and makes its catalogue the one in use.
 * @template {object} T
 * @param {T} empty the values for what the page does not say
 * @returns {T & PageData}
 */
export function readPage(empty) {
  const text = document.getElementById("page")?.textContent || "{}";
  const data = { lang: "fr", page: "", catalogue: {}, ...empty, ...JSON.parse(text) };
  useCatalogue(data.catalogue);
  return data;
}

/**
 * Returns the address of the WebSocket of this site.
 * @returns {string}
 */
export function socketUrl() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}
