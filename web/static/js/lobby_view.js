/** Those who wait, as the practitioner sees them: who, since when, with which devices, and the decision. */

import { html, nothing } from "../vendor/lit-html.js";
import { avatar } from "./avatar.js";
import { icon } from "./icons.js";
import { devicesInWords } from "./media_words.js";
import { t } from "./text.js";
import { roughly } from "./time.js";

/** @typedef {import("./messages.js").LobbyEntry} LobbyEntry */

/**
 * @typedef {object} LobbyModel
 * @property {LobbyEntry[]} entries
 * @property {Date} now
 * @property {string} [inCall] the name of the one in the call
 * @property {(entry: LobbyEntry) => string} [about] what else to say of an entry
 * @property {(entry: LobbyEntry) => boolean} isDecided
 * @property {(entry: LobbyEntry) => void} admit
 * @property {(entry: LobbyEntry) => void} decline
 */

/** @param {LobbyModel} model */
export function lobbyList(model) {
  return html`<ul class="lobby">
    ${model.entries.map((entry) => card(entry, model))}
  </ul>`;
}

/**
 * @param {LobbyEntry} entry
 * @param {LobbyModel} model
 */
function card(entry, { now, inCall = "", about, isDecided, admit, decline }) {
  const { name, devices } = entry;
  const duration = roughly(now.getTime() - new Date(entry.since).getTime());
  const more = about?.(entry);
  const decided = isDecided(entry);
  /** @param {(entry: LobbyEntry) => void} decide */
  const pressed = (decide) => (/** @type {MouseEvent} */ event) => {
    // The card is about to go, and the keyboard must not go with it.
    focusTitle(/** @type {HTMLElement} */ (event.currentTarget));
    decide(entry);
  };
  return html`<li class="lobby-card">
    <div class="lobby-who">
      ${avatar(name)}
      <div>
        <p class="strong">${name}</p>
        <p class="soft">
          <span>${t("waiting for {duration}", { duration })}</span>${more ? html` · <span>${more}</span>` : nothing}
        </p>
        <p class="soft">${devicesInWords(devices)}</p>
      </div>
    </div>
    ${entry.connected ? nothing : html`<p class="lobby-note">${icon("signal")}${t("Their page is asleep or has no network. Their place is kept.")}</p>`}
    ${entry.same_link ? html`<p class="lobby-note warning">${icon("warning")}${sameLink(inCall)}</p>` : nothing}
    <div class="lobby-actions">
      <button
        type="button"
        class="primary"
        aria-label=${t("Admit {name}", { name })}
        ?disabled=${decided}
        @click=${pressed(admit)}
      >
        ${icon("check")}${t("Admit")}
      </button>
      <button type="button" aria-label=${t("Decline {name}", { name })} ?disabled=${decided} @click=${pressed(decline)}>
        ${t("Decline")}
      </button>
    </div>
  </li>`;
}

/** @param {HTMLElement} button */
function focusTitle(button) {
  const title = /** @type {HTMLElement | null | undefined} */ (button.closest("section")?.querySelector("h2, h3"));
  title?.setAttribute("tabindex", "-1");
  title?.focus({ preventScroll: true });
}

/** @param {string} inCall */
function sameLink(inCall) {
  if (!inCall) return t("Same link as the person who is already in the consultation. Admitting this one replaces them.");
  return t("Same link as {name}, who is already in the consultation. Admitting this one replaces them.", { name: inCall });
}
