/** The call on the whole page: the other one large, oneself small, what goes wrong, and the controls. */

import { html, nothing } from "../vendor/lit-html.js";
import { deviceProblems } from "./media_words.js";
import { meterView } from "./meter_view.js";
import { selfView } from "./self_view.js";
import { playSound, stage } from "./stage.js";
import { t } from "./text.js";
import { cameraButton, leaveButton, microphoneButton, selfViewButton, settingsButton, shareButton } from "./tools.js";

/**
 * @typedef {object} CallModel
 * @property {import("./call.js").Call} call
 * @property {import("./media.js").Media} media
 * @property {import("./connection.js").ConnectionState} connection
 * @property {string} name of the other one
 * @property {string} selfName
 * @property {Date} now
 * @property {import("./habits.js").Habits} habits
 * @property {boolean} silent whether one's microphone picks up nothing
 * @property {boolean} soundBlocked
 * @property {string} notice a sentence about what just happened
 * @property {string} lang
 * @property {unknown} [holdEnding] said when the patient's holds are nearly used up
 * @property {unknown} [instead] drawn in the place of the stage, while there is nobody
 * @property {unknown} [aside] drawn over the stage
 * @property {unknown} [tools] controls of this role
 * @property {() => void} leave
 */

/** @param {CallModel} model */
export function callView(model) {
  const { call, media, name, habits } = model;
  return html`<div class="call">
    <h1 class="visually-hidden">${t("Consultation with {name}", { name })}</h1>
    <div class="stage">
      ${model.instead ?? stage(call, name, model.now)}
      <div class="notices" role="status">${notices(model)}</div>
      ${meterView(call.meter.shown(performance.now()), model.lang)}
      ${habits.selfHidden ? nothing : selfView(media, model.selfName)} ${model.aside ?? nothing}
    </div>
    <div class="bar" role="group" aria-label=${t("Controls of the call")}>
      ${microphoneButton(media, habits.shortcuts)} ${cameraButton(media, habits.shortcuts)}
      ${media.canShare ? shareButton(media, habits.shortcuts) : nothing}
      ${selfViewButton(habits.selfHidden, () => habits.toggleSelf())} ${model.tools ?? nothing}
      ${settingsButton(() => habits.openSettings())} ${leaveButton(model.leave)}
    </div>
  </div>`;
}

/** @param {CallModel} model */
function notices({ call, media, connection, silent, soundBlocked, notice, habits, holdEnding }) {
  const lost = call.peer.link === "lost";
  return html`
    ${lost || connection === "reconnecting"
      ? html`<p class="notice busy">
          <strong>${t("Reconnecting…")}</strong>
          ${lost ? nothing : html`<span>${t("The call itself goes on.")}</span>`}
        </p>`
      : nothing}
    ${soundBlocked
      ? html`<p class="notice warning">
          <span>${t("The browser plays no sound until you click.")}</span>
          <button type="button" class="small" @click=${playSound}>${t("Turn the sound on")}</button>
        </p>`
      : nothing}
    ${deviceProblems(media.states).map((text) => html`<p class="notice warning">${text}</p>`)}
    ${silent
      ? html`<p class="notice warning">
          <span>${t("Your microphone picks up nothing")}</span>
          <button type="button" class="small" @click=${() => habits.openSettings()}>${t("Choose another one")}</button>
        </p>`
      : nothing}
    ${holdEnding ?? nothing}
    ${media.sending.screen ? html`<p class="notice">${t("You are sharing your screen.")}</p>` : nothing}
    ${notice ? html`<p class="notice">${notice}</p>` : nothing}
  `;
}
