/** The menus that choose camera, microphone and speaker. */

import { html, nothing } from "../vendor/lit-html.js";
import { prefer, preferences } from "./preferences.js";
import { t } from "./text.js";

/**
 * Returns a labelled menu for each kind of device of which there is one; `prefix` keeps ids apart.
 * @param {import("./media.js").Media} media
 * @param {string} prefix
 */
export function deviceMenus(media, prefix) {
  const { camera, microphone } = media.tracks;
  const speakers = canChooseSpeaker() ? media.devices.filter(({ kind }) => kind === "audiooutput") : [];
  return html`
    ${menu({
      id: `${prefix}-camera`,
      label: t("Camera"),
      devices: media.devices.filter(({ kind }) => kind === "videoinput"),
      chosen: camera?.getSettings().deviceId ?? preferences().camera,
      choose: (id) => void media.choose("camera", id),
    })}
    ${menu({
      id: `${prefix}-microphone`,
      label: t("Microphone"),
      devices: media.devices.filter(({ kind }) => kind === "audioinput"),
      chosen: microphone?.getSettings().deviceId ?? preferences().microphone,
      choose: (id) => void media.choose("microphone", id),
    })}
    ${menu({
      id: `${prefix}-speaker`,
      label: t("Speaker"),
      devices: speakers,
      chosen: preferences().speaker,
      choose: (id) => {
        prefer({ speaker: id });
        useSpeaker();
      },
    })}
  `;
}

/** Has every sound of the page come out of the chosen speaker, where browsers can. */
export function useSpeaker() {
  const { speaker } = preferences();
  if (!canChooseSpeaker() || !speaker) return;
  for (const video of document.querySelectorAll("video")) {
    // A speaker that was unplugged since: the sound stays where it is.
    video.setSinkId(speaker).catch(() => {});
  }
}

function canChooseSpeaker() {
  return typeof Reflect.get(HTMLMediaElement.prototype, "setSinkId") === "function";
}

/**
 * @param {{id: string, label: string, devices: MediaDeviceInfo[], chosen: string | undefined, choose: (id: string) => void}} parts
 */
function menu({ id, label, devices, chosen, choose }) {
  if (devices.length === 0) return nothing;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} @change=${(/** @type {globalThis.Event} */ event) => choose(valueOf(event))}>
      ${devices.map(
        (device, index) => html`<option value=${device.deviceId} ?selected=${device.deviceId === chosen}>
          ${device.label || `${label} ${index + 1}`}
        </option>`,
      )}
    </select>
  </div>`;
}

/** @param {globalThis.Event} event */
function valueOf(event) {
  return /** @type {HTMLSelectElement} */ (event.currentTarget).value;
}
