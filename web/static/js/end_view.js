/** A page that says that something is over, or not yet possible, and what one can do now. */

import { html, nothing } from "../vendor/lit-html.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} EndModel
 * @property {import("./icons.js").Icon} icon
 * @property {string} heading
 * @property {string} text
 * @property {string} [hint]
 * @property {unknown} [more] drawn below the words
 * @property {{name: string, action: () => void, quiet?: boolean}} [action] quiet where most people need nothing more
 * @property {{name: string, href: string}} [link]
 */

/** @param {EndModel} model */
export function endView({ icon: drawing, heading, text, hint, more, action, link }) {
  return html`<div class="end">
    <span class="end-icon">${icon(drawing)}</span>
    <h1>${heading}</h1>
    <p>${text}</p>
    ${hint ? html`<p class="soft">${hint}</p>` : nothing} ${more ?? nothing}
    ${action || link
      ? html`<p class="end-actions">
          ${action ? html`<button type="button" class=${action.quiet ? "" : "primary"} @click=${action.action}>${action.name}</button>` : nothing}
          ${link ? html`<a class="button" href=${link.href}>${link.name}</a>` : nothing}
        </p>`
      : nothing}
  </div>`;
}
