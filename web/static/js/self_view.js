/** One's own picture, mirrored as people know themselves from mirrors. */

import { html } from "../vendor/lit-html.js";
import { avatar } from "./avatar.js";
import { icon } from "./icons.js";
import { t } from "./text.js";

/** @typedef {import("./media.js").Media} Media */

/** @param {Media} media */
export function selfVideo(media) {
  return html`<video
    id="self-video"
    class=${media.picture ? "" : "away"}
    aria-label=${t("Your own picture")}
    autoplay
    playsinline
    .muted=${true}
  ></video>`;
}

/**
 * Gives the self view its stream; to be called after every drawing. Drawing itself would set it again each time,
 * and the picture would flicker.
 * @param {Media} media
 */
export function tendSelf(media) {
  const video = /** @type {HTMLVideoElement | null} */ (document.getElementById("self-video"));
  if (video && video.srcObject !== media.picture) video.srcObject = media.picture;
}

/**
 * @param {Media} media
 * @param {string} name
 */
export function selfView(media, name) {
  return html`<div class="self">
    ${selfVideo(media)} ${media.picture ? "" : avatar(name)}
    ${media.sending.microphone ? "" : html`<span class="self-muted">${icon("microphone_off")}</span>`}
  </div>`;
}
