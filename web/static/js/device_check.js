/** The device check: allow camera and microphone, see and hear oneself, confirm one's name. */

import { html, nothing } from "../vendor/lit-html.js";
import { avatar } from "./avatar.js";
import { deviceMenus } from "./device_menus.js";
import { icon } from "./icons.js";
import { levelMeter } from "./level_view.js";
import { deviceProblems } from "./media_words.js";
import { selfVideo } from "./self_view.js";
import { t } from "./text.js";
import { whenInWords } from "./time.js";
import { cameraButton, microphoneButton } from "./tools.js";

/**
 * @typedef {object} CheckModel
 * @property {import("./media.js").Media} media
 * @property {import("./look.js").Invited} invited
 * @property {string} lang
 * @property {Date} now
 * @property {string} name
 * @property {boolean} knocking
 * @property {boolean} hasPlace whether this browser already waited or was in the call
 * @property {boolean} silent
 * @property {string} notice
 * @property {(name: string) => void} join
 */

/** @param {CheckModel} model */
export function deviceCheck(model) {
  const { media, invited, lang, now } = model;
  const at = whenInWords(new Date(invited.starts_at), now, lang);
  return html`<div class="check">
    <header class="check-head">
      <h1>${t("Consultation with {name}", { name: invited.practitioner })}</h1>
      <p class="soft">${t("{when}, {minutes} minutes", { when: at, minutes: invited.minutes })}</p>
    </header>
    <section class="check-devices" aria-label=${t("Camera and microphone")}>
      ${preview(model)} ${problems(model)}
      ${media.tracks.microphone ? html`<div class="level-row">${icon("microphone")}${levelMeter()}</div>` : nothing}
    </section>
    ${form(model)}
    <div class="menus">${deviceMenus(media, "check")}</div>
  </div>`;
}

/** @param {CheckModel} model */
function preview({ media, name }) {
  const asked = media.states.camera !== "unknown" || media.states.microphone !== "unknown";
  return html`<div class="preview">
    ${selfVideo(media)} ${media.picture ? nothing : asked ? avatar(name) : invitationToAllow(media)}
    ${asked ? html`<div class="preview-tools">${microphoneButton(media)} ${cameraButton(media)}</div>` : nothing}
  </div>`;
}

/** @param {import("./media.js").Media} media */
function invitationToAllow(media) {
  if (media.asking) return html`<p class="preview-words">${t("Your browser asks for your permission: choose “Allow”.")}</p>`;
  return html`<div class="preview-words">
    <p>${t("To be seen and heard, allow the camera and the microphone. Your browser will ask you for permission. Nothing is recorded.")}</p>
    <button type="button" class="primary" @click=${() => void media.start()}>${t("Allow camera and microphone")}</button>
  </div>`;
}

/** @param {CheckModel} model */
function problems({ media, silent }) {
  const sentences = deviceProblems(media.states);
  const retry = html`<button type="button" class="small" @click=${() => void media.start()}>${t("Try again")}</button>`;
  return html`<div role="status">
    ${sentences.map((text, index) => html`<p class="notice warning"><span>${text}</span>${index === 0 ? retry : nothing}</p>`)}
    ${silent ? html`<p class="notice warning">${t("Your microphone picks up nothing")}</p>` : nothing}
  </div>`;
}

/** @param {CheckModel} model */
function form(model) {
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (document.getElementById("name"));
    model.join(field.value.trim());
  };
  return html`<form class="check-form card" @submit=${submit}>
    ${model.hasPlace ? html`<p class="notice">${t("Your place is kept: you go back to it.")}</p>` : nothing}
    <div class="field">
      <label for="name">${t("Your name")}</label>
      <input
        id="name"
        name="name"
        autocomplete="name"
        maxlength="80"
        required
        pattern=".*\\S.*"
        aria-describedby="name-hint"
        .defaultValue=${model.name}
      />
      <p class="hint" id="name-hint">${t("So that {name} knows whom to let in.", { name: model.invited.practitioner })}</p>
    </div>
    <button class="primary wide" ?disabled=${model.knocking || model.media.asking}>${t("Join")}</button>
    <p class="hint" role="status">${model.notice || t("You come to the waiting room first. Nobody sees or hears you there.")}</p>
  </form>`;
}
