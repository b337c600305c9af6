/** Opening a modal dialog over the page and taking it away again. */

import { html, render } from "../vendor/lit-html.js";
import { icon } from "./icons.js";
import { t } from "./text.js";

/**
 * Opens a dialog; the browser keeps the keyboard inside and gives it back afterwards.
 * @param {string} title
 * @param {() => unknown} body drawn again at every call of what is returned
 * @param {() => void} [onClose]
 * @returns {{redraw: () => void, close: () => void}}
 */
export function openDialog(title, body, onClose = () => {}) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "dialog-title");
  const close = () => dialog.close();
  const redraw = () =>
    render(
      html`<div class="dialog-head">
          <h2 id="dialog-title">${title}</h2>
          <button type="button" class="plain" aria-label=${t("Close")} @click=${close}>${icon("cross")}</button>
        </div>
        <div class="dialog-body">${body()}</div>`,
      dialog,
    );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose();
  });
  // A click beside the dialog lands on the element itself: its content fills all of it.
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  redraw();
  dialog.showModal();
  return { redraw, close };
}
