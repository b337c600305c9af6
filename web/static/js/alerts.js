/** Telling a practitioner who looks elsewhere that somebody waits: a chime, the tab's title, a desktop notification. */

import { t } from "./text.js";

/** @typedef {import("./messages.js").LobbyEntry} LobbyEntry */

// Two soft notes, a third apart upwards: heard, and not frightening.
const NOTES = /** @type {const} */ ([
  [659.3, 0],
  [830.6, 0.18],
]);

export class Alerts {
  /** @type {Set<string>} */
  #seen = new Set();
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {Map<string, Notification>} */
  #notifications = new Map();
  #waiting = 0;
  #words = "";

  /**
   * @param {string} title the page's own
   * @param {() => void} [onChange] called when sound becomes possible
   */
  constructor(title, onChange = () => {}) {
    this.title = title;
    this.onChange = onChange;
  }

  /** Whether the browser lets the page make a sound. */
  get canSound() {
    return this.#audio?.state === "running";
  }

  /** Whether notifications of the desktop are allowed, refused or not asked for. */
  get notifications() {
    return "Notification" in window ? Notification.permission : "denied";
  }

  /** Tries to make sound possible without a click; browsers allow it where the page is already in use. */
  prepare() {
    this.#audio ??= new AudioContext();
    this.#audio.onstatechange = () => this.onChange();
    void this.#audio.resume();
  }

  /** Allows sound and notifications; to be called from a click. */
  async allow() {
    this.prepare();
    this.chime();
    if (this.notifications === "default") await Notification.requestPermission();
    this.onChange();
  }

  /**
   * Shows who waits now, and alerts about those who have just come.
   * @param {LobbyEntry[]} entries
   */
  update(entries) {
    const news = entries.filter(({ admission }) => !this.#seen.has(admission));
    this.#seen = new Set(entries.map(({ admission }) => admission));
    this.#waiting = entries.length;
    this.#words = waitingInWords(entries);
    for (const [admission, notification] of this.#notifications) {
      if (!this.#seen.has(admission)) notification.close();
    }
    this.#retitle();
    if (news.length === 0) return;
    this.chime();
    for (const entry of news) this.#notify(entry);
  }

  /** @param {string} title */
  retitle(title) {
    this.title = title;
    this.#retitle();
  }

  chime() {
    this.prepare();
    const audio = this.#audio;
    if (!audio) return;
    for (const [frequency, delay] of NOTES) {
      const start = audio.currentTime + delay;
      const gain = new GainNode(audio, { gain: 0 });
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(0.2, start + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0005, start + 1.1);
      const note = new OscillatorNode(audio, { type: "sine", frequency });
      note.connect(gain).connect(audio.destination);
      note.start(start);
      note.stop(start + 1.2);
    }
  }

  #retitle() {
    document.title = this.#waiting === 0 ? this.title : `(${this.#waiting}) ${this.#words}`;
  }

  /** @param {LobbyEntry} entry */
  #notify({ admission, name }) {
    if (this.notifications !== "granted" || document.hasFocus()) return;
    try {
      const notification = new Notification(t("{name} is waiting", { name }), { tag: admission });
      notification.onclick = () => {
        window.focus();
        notification.close();
      };
      this.#notifications.set(admission, notification);
    } catch {
      // Browsers on phones show none from a page: chime and title remain.
    }
  }
}

/**
 * Returns who waits, for a title; nothing when nobody does.
 * @param {LobbyEntry[]} entries
 * @returns {string}
 */
export function waitingInWords(entries) {
  const name = entries[0]?.name ?? "";
  if (entries.length === 0) return "";
  if (entries.length === 1) return t("{name} is waiting", { name });
  if (entries.length === 2) return t("{name} and another person are waiting", { name });
  return t("{name} and {count} others are waiting", { name, count: entries.length - 1 });
}
