/** The settings during a call: devices, the microphone's level, self view, shortcuts. */

import { html } from "../vendor/lit-html.js";
import { deviceMenus } from "./device_menus.js";
import { openDialog } from "./dialog.js";
import { levelMeter } from "./level_view.js";
import { deviceProblems } from "./media_words.js";
import { prefer, preferences } from "./preferences.js";
import { t } from "./text.js";

/**
 * Opens the settings.
 * @param {object} parts
 * @param {import("./media.js").Media} parts.media
 * @param {() => void} parts.onChange called when a habit changed
 * @param {() => void} parts.onClose
 */
export function openSettings({ media, onChange, onClose }) {
  /** @param {import("./preferences.js").Preferences} changes */
  const set = (changes) => {
    prefer(changes);
    onChange();
  };
  const body = () => {
    const { selfHidden = false, noShortcuts = false } = preferences();
    return html`
      ${deviceProblems(media.states).map((text) => html`<p class="notice warning">${text}</p>`)}
      ${deviceMenus(media, "settings")} ${levelMeter()}
      <div class="choices">
        ${choice(t("See myself during the call"), !selfHidden, (on) => set({ selfHidden: !on }))}
        ${choice(t("Shortcuts on the keyboard: M microphone, V video, S screen"), !noShortcuts, (on) => set({ noShortcuts: !on }))}
      </div>
    `;
  };
  return openDialog(t("Settings"), body, onClose);
}

/**
 * @param {string} label
 * @param {boolean} checked
 * @param {(on: boolean) => void} change
 */
function choice(label, checked, change) {
  /** @param {globalThis.Event} event */
  const changed = (event) => change(/** @type {HTMLInputElement} */ (event.currentTarget).checked);
  return html`<label class="choice"><input type="checkbox" .checked=${checked} @change=${changed} /> ${label}</label>`;
}
