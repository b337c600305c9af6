/** Telling a practitioner who looks elsewhere that somebody waits: a chime, the tab's title, a desktop notification. */

import { Chime } from "./chime.js";
import { t } from "./text.js";

/** @typedef {import("./messages.js").LobbyEntry} LobbyEntry */

export class Alerts {
  /** @type {Set<string>} */
  #seen = new Set();
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
    this.chime = new Chime(onChange);
  }

  /** Whether notifications of the desktop are allowed, refused or not asked for. */
  get notifications() {
    return "Notification" in window ? Notification.permission : "denied";
  }

  /** Allows sound and notifications; to be called from a click. */
  async allow() {
    this.chime.sound();
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
    this.chime.sound();
    for (const entry of news) this.#notify(entry);
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
