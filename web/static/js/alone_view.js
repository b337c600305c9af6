/** The practitioner's room while nobody else is in it: who waits, and the link to hand over. */

import { html, nothing } from "../vendor/lit-html.js";
import { icon } from "./icons.js";
import { copyLink, openLink } from "./invitation_view.js";
import { lobbyList } from "./lobby_view.js";
import { t } from "./text.js";
import { whenInWords } from "./time.js";

/**
 * @typedef {object} AloneModel
 * @property {string} patient
 * @property {string} startsAt
 * @property {number} minutes
 * @property {string} link
 * @property {string} qr
 * @property {string} lang
 * @property {import("./lobby_view.js").LobbyModel} lobby
 * @property {number} elsewhere
 * @property {boolean} mayAllowAlerts
 * @property {() => void} allowAlerts
 */

/** @param {AloneModel} model */
export function aloneView(model) {
  const { patient, minutes, lang, lobby } = model;
  const when = whenInWords(new Date(model.startsAt), lobby.now, lang);
  const waiting = lobby.entries.length > 0;
  return html`<div class="alone">
    <div class="alone-card">
      <h2>${patient}</h2>
      <p class="soft">${t("{when}, {minutes} minutes", { when, minutes })}</p>
      <section aria-labelledby="lobby-title">
        <h3 id="lobby-title">${t("Waiting room")}</h3>
        <div aria-live="polite">
          ${waiting ? lobbyList(lobby) : html`<p class="soft quiet">${t("Nobody is waiting yet. You will hear a chime.")}</p>`}
        </div>
        ${elsewhere(model.elsewhere)}
        ${model.mayAllowAlerts
          ? html`<button type="button" class="small" @click=${model.allowAlerts}>${icon("bell")}${t("Alert me on the desktop too")}</button>`
          : nothing}
      </section>
      ${waiting ? nothing : invitation(model)}
    </div>
  </div>`;
}

/** @param {AloneModel} model */
function invitation({ link, qr, patient }) {
  /** @param {MouseEvent} event */
  const copy = (event) => {
    const button = /** @type {HTMLElement} */ (event.currentTarget);
    void copyLink(link, /** @type {HTMLElement} */ (button.querySelector("span")));
  };
  return html`<section aria-labelledby="link-title">
    <h3 id="link-title">${t("The patient's link")}</h3>
    <input class="link" readonly aria-labelledby="link-title" .value=${link} />
    <p class="row">
      <button type="button" @click=${copy}>${icon("copy")}<span>${t("Copy the link")}</span></button>
      <button type="button" @click=${() => openLink({ link, qr, name: patient })}>${icon("qr")}${t("QR code")}</button>
    </p>
  </section>`;
}

/** @param {number} count */
export function elsewhere(count) {
  if (count === 0) return nothing;
  if (count === 1) return html`<p class="soft">${t("One more person waits for another consultation of yours.")}</p>`;
  return html`<p class="soft">${t("{count} more people wait for other consultations of yours.", { count })}</p>`;
}
