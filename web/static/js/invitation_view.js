/** Handing the patient's link over: copied, or as a QR code. */

import { html } from "../vendor/lit-html.js";
import { openDialog } from "./dialog.js";
import { t } from "./text.js";
import { announce } from "./view.js";

const SHOWN_FOR = 2500;

/**
 * Copies the link, and says so on the button that was pressed.
 * @param {string} link
 * @param {HTMLElement} label the part of the button that holds its words
 */
export async function copyLink(link, label) {
  try {
    await navigator.clipboard.writeText(link);
  } catch {
    return openLink({ link, qr: "", name: "" });
  }
  const before = label.textContent;
  label.textContent = t("Link copied");
  announce(t("Link copied"));
  setTimeout(() => (label.textContent = before), SHOWN_FOR);
}

/**
 * Shows the link as text and as QR code.
 * @param {{link: string, qr: string, name: string}} parts `qr` is the address of the picture, or empty
 */
export function openLink({ link, qr, name }) {
  const title = name ? t("Link for {name}", { name }) : t("Link for the patient");
  openDialog(
    title,
    () => html`
      ${qr ? html`<img class="qr" src=${qr} alt=${t("QR code of the link")} width="280" height="280" />` : ""}
      <div class="field">
        <label for="shown-link">${t("The link, to be copied or read out")}</label>
        <input id="shown-link" readonly .value=${link} @focus=${selectAll} />
      </div>
      <p class="hint">${t("Whoever has this link comes to the waiting room. You decide who is let in.")}</p>
    `,
  );
}

/** @param {globalThis.Event} event */
function selectAll(event) {
  /** @type {HTMLInputElement} */ (event.currentTarget).select();
}
