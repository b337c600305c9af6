/** The waiting room: with whom, since when, and that the place is safe. */

import { html, nothing } from "../vendor/lit-html.js";
import { avatar } from "./avatar.js";
import { deviceProblems } from "./media_words.js";
import { selfView } from "./self_view.js";
import { t } from "./text.js";
import { roughly, timeOfDay, whenInWords } from "./time.js";
import { cameraButton, leaveButton, microphoneButton, settingsButton } from "./tools.js";

/**
 * @typedef {object} WaitingModel
 * @property {import("./messages.js").Waiting} waiting
 * @property {import("./media.js").Media} media
 * @property {import("./connection.js").ConnectionState} connection
 * @property {string} lang
 * @property {Date} now
 * @property {string} name
 * @property {string} notice
 * @property {() => void} openSettings
 * @property {() => void} leave
 */

/** @param {WaitingModel} model */
export function waitingView(model) {
  const { waiting, media, lang, now } = model;
  const since = new Date(waiting.since);
  return html`<div class="waiting">
    <h1>${t("Waiting room")}</h1>
    <div role="status" class="waiting-notices">${notices(model)}</div>
    <section class="card waiting-host" aria-label=${waiting.practitioner}>
      ${avatar(waiting.practitioner)}
      <div>
        <p class="strong">${waiting.practitioner}</p>
        <p class="host-state ${waiting.host}" role="status">${hostInWords(waiting.host)}</p>
      </div>
      <p class="soft waiting-since">
        ${t("Appointment {when}.", { when: whenInWords(new Date(waiting.starts_at), now, lang) })}
        ${t("You have been waiting since {time} ({duration}).", {
          time: timeOfDay(since, lang),
          duration: roughly(now.getTime() - since.getTime()),
        })}
      </p>
    </section>
    <section class="waiting-self" aria-label=${t("You, as the other will see you")}>
      ${selfView(media, model.name)}
      <div class="waiting-tools">
        ${microphoneButton(media)} ${cameraButton(media)} ${settingsButton(model.openSettings)} ${leaveButton(model.leave)}
      </div>
    </section>
    <p class="soft waiting-advice">
      ${t("Nobody sees or hears you here. Keep this page open: the call begins by itself when you are let in. Your place is kept even if the screen goes dark or the network drops.")}
    </p>
  </div>`;
}

/** @param {WaitingModel} model */
function notices({ connection, notice, media }) {
  return html`
    ${connection === "reconnecting"
      ? html`<p class="notice busy"><strong>${t("Reconnecting…")}</strong> <span>${t("Your place is kept.")}</span></p>`
      : nothing}
    ${notice ? html`<p class="notice">${notice}</p>` : nothing}
    ${deviceProblems(media.states).map((text) => html`<p class="notice warning">${text}</p>`)}
  `;
}

/** @param {import("./messages.js").Host} host */
export function hostInWords(host) {
  if (host === "in_call") return t("is in a consultation and will let you in afterwards");
  if (host === "present") return t("is there and will let you in");
  return t("is not there yet");
}
