/** One's own picture, mirrored as people know themselves from mirrors. */

import { html } from "../vendor/lit-html.js";
import { avatar } from "./avatar.js";
import { icon } from "./icons.js";
import { t } from "./text.js";

/**
 * @param {import("./media.js").Media} media
 * @param {string} name
 */
export function selfView(media, name) {
  return html`<div class="self">
    <video
      id="self-video"
      class=${media.picture ? "" : "away"}
      aria-label=${t("Your own picture")}
      autoplay
      playsinline
      .muted=${true}
      .srcObject=${media.picture}
    ></video>
    ${media.picture ? "" : avatar(name)}
    ${media.sending.microphone ? "" : html`<span class="self-muted">${icon("microphone_off")}</span>`}
  </div>`;
}
