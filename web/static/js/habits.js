/** How this user likes the call: self view, shortcuts, settings; and the keys that go with it. */

import { prefer, preferences } from "./preferences.js";
import { openSettings } from "./settings_dialog.js";

/** @typedef {import("./media.js").Media} Media */

export class Habits {
  /** @type {{redraw: () => void, close: () => void} | null} */
  #settings = null;

  /**
   * @param {Media} media
   * @param {() => void} onChange
   */
  constructor(media, onChange) {
    this.media = media;
    this.onChange = onChange;
  }

  get selfHidden() {
    return preferences().selfHidden ?? false;
  }

  get shortcuts() {
    return !preferences().noShortcuts;
  }

  get settingsOpen() {
    return this.#settings !== null;
  }

  toggleSelf() {
    prefer({ selfHidden: !this.selfHidden });
    this.onChange();
  }

  openSettings() {
    if (this.#settings) return;
    const onClose = () => {
      this.#settings = null;
      this.onChange();
    };
    this.#settings = openSettings({ media: this.media, onChange: () => this.onChange(), onClose });
  }

  /** To be called after every drawing of the page. */
  redrawSettings() {
    this.#settings?.redraw();
  }

  closeSettings() {
    this.#settings?.close();
  }

  /**
   * Switches by a single key: M, V or S. Not while somebody types or a dialog is open.
   * @param {KeyboardEvent} event
   */
  press(event) {
    const { target, ctrlKey, metaKey, altKey, repeat } = event;
    const typing = target instanceof Element && target.closest("input, textarea, select, dialog, [contenteditable]");
    if (!this.shortcuts || typing || this.#settings || ctrlKey || metaKey || altKey || repeat) return;
    const { media } = this;
    const key = event.key.toLowerCase();
    if (key === "m") void media.turn("microphone", !media.sending.microphone);
    else if (key === "v") void media.turn("camera", !media.sending.camera);
    else if (key === "s" && media.sending.screen) media.stopSharing();
    else if (key === "s" && media.canShare) void media.share();
    else return;
    event.preventDefault();
  }
}
