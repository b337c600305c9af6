/** The buttons with which people switch what they send and show. Their names are a contract with tests and screen readers. */

import { html, nothing } from "../vendor/lit-html.js";
import { icon } from "./icons.js";
import { t } from "./text.js";

/**
 * @typedef {object} Tool
 * @property {string} name
 * @property {import("./icons.js").Icon} icon
 * @property {() => void} action
 * @property {string} [key] its keyboard shortcut
 * @property {"" | "off" | "active" | "danger"} [look]
 * @property {boolean} [disabled]
 */

/** @param {Tool} tool */
export function toolButton({ name, icon: drawing, action, key = "", look = "", disabled = false }) {
  return html`<button
    type="button"
    class="tool ${look}"
    aria-keyshortcuts=${key || nothing}
    ?disabled=${disabled}
    @click=${action}
  >
    ${icon(drawing)}<span class="tool-name">${name}</span>
    <span class="tip" aria-hidden="true">${name}${key ? html`<kbd>${key}</kbd>` : nothing}</span>
  </button>`;
}

/**
 * @param {import("./media.js").Media} media
 * @param {boolean} [shortcuts]
 */
export function microphoneButton(media, shortcuts = false) {
  const on = media.sending.microphone;
  return toolButton({
    name: on ? t("Mute") : t("Unmute"),
    icon: on ? "microphone" : "microphone_off",
    look: on ? "" : "off",
    key: shortcuts ? "M" : "",
    action: () => void media.turn("microphone", !on),
  });
}

/**
 * @param {import("./media.js").Media} media
 * @param {boolean} [shortcuts]
 */
export function cameraButton(media, shortcuts = false) {
  const on = media.sending.camera;
  return toolButton({
    name: on ? t("Stop video") : t("Start video"),
    icon: on ? "camera" : "camera_off",
    look: on ? "" : "off",
    key: shortcuts ? "V" : "",
    action: () => void media.turn("camera", !on),
  });
}

/**
 * @param {import("./media.js").Media} media
 * @param {boolean} [shortcuts]
 */
export function shareButton(media, shortcuts = false) {
  const on = media.sending.screen;
  return toolButton({
    name: on ? t("Stop sharing") : t("Share screen"),
    icon: on ? "stop_sharing" : "share",
    look: on ? "active" : "",
    key: shortcuts ? "S" : "",
    action: () => (on ? media.stopSharing() : void media.share()),
  });
}

/**
 * @param {boolean} hidden
 * @param {() => void} toggle
 */
export function selfViewButton(hidden, toggle) {
  return toolButton({
    name: hidden ? t("Show self view") : t("Hide self view"),
    icon: hidden ? "eye" : "eye_off",
    action: toggle,
  });
}

/** @param {() => void} open */
export function settingsButton(open) {
  return toolButton({ name: t("Settings"), icon: "settings", action: open });
}

/** @param {() => void} leave */
export function leaveButton(leave) {
  return toolButton({ name: t("Leave"), icon: "leave", look: "danger", action: leave });
}
