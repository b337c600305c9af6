/** The practitioner in their room: who waits, who is in the call. No drawing here: `room.js` shows what this says. */

import { Call } from "./call.js";
import { Connection } from "./connection.js";

/** @typedef {import("./messages.js").Event} Event */
/** @typedef {import("./messages.js").LobbyEntry} LobbyEntry */
/** @typedef {"left" | "same_person" | "hung_up" | "peer_lost" | "never_joined" | "worker_lost" | "not_yet"
 *   | "not_found" | "log_in"} End */
/** @typedef {"" | "stale" | "busy" | "unpaid" | "failed" | "patient_left"} Notice */

// Of a clock that runs ahead of the server's: it must not ask in a loop.
const ENTER_AT_MOST_EVERY = 15000;

export class Host {
  /** @type {"room" | "end"} */
  view = "room";
  /** @type {End} */
  end = "left";
  /** @type {Notice} */
  notice = "";
  /** Those who wait for this consultation, oldest first. @type {LobbyEntry[]} */
  entries = [];
  /** @type {import("./messages.js").NotYet | null} */
  notYet = null;
  /** How many wait for the practitioner's other consultations. */
  elsewhere = 0;
  /** How long the call has lasted when it ended, in milliseconds. @type {number | null} */
  lasted = null;

  /** @type {Connection | null} */
  #connection = null;
  /** Whom to admit as soon as they are seen, chosen on the desk. */
  #expected = "";
  #enteredAt = -Infinity;
  /** @type {Set<string>} */
  #decided = new Set();

  /**
   * @param {object} parts
   * @param {string} parts.url of the WebSocket
   * @param {string} parts.consultation
   * @param {import("./media.js").Media} parts.media
   * @param {() => void} parts.onChange
   * @param {(entries: LobbyEntry[]) => void} parts.onLobby
   */
  constructor({ url, consultation, media, onChange, onLobby }) {
    this.url = url;
    this.consultation = consultation;
    this.media = media;
    this.onChange = onChange;
    this.onLobby = onLobby;
    this.call = new Call({ send: (request) => this.#connection?.send(request), media, onChange });
  }

  get connectionState() {
    return this.#connection?.state ?? "gone";
  }

  /**
   * Takes the practitioner's seat.
   * @param {string} [expected] an admission to grant at once
   */
  enter(expected = "") {
    this.view = "room";
    this.notice = "";
    this.lasted = null;
    this.#expected = expected;
    this.#enteredAt = performance.now();
    this.#connection = new Connection({
      url: this.url,
      opening: () => ({ type: "enter", consultation: this.consultation, sending: this.media.sending }),
      onEvent: (event) => this.#hear(event),
      onState: () => this.onChange(),
    });
    this.#connection.start();
    this.onChange();
  }

  /**
   * To be called every second: enters when the room should be open. Returns whether it did.
   * @param {Date} now
   * @returns {boolean}
   */
  tick(now) {
    const early = this.end === "not_yet" && this.notYet?.obstacles.every((obstacle) => obstacle === "too_early");
    if (this.view !== "end" || !early || !this.notYet || now < new Date(this.notYet.opens_at)) return false;
    if (performance.now() - this.#enteredAt < ENTER_AT_MOST_EVERY) return false;
    this.enter();
    return true;
  }

  /** To be called whenever one's devices changed. */
  mediaChanged() {
    this.call.mediaChanged();
    this.onChange();
  }

  /** @param {LobbyEntry} entry */
  admit({ admission, version }) {
    this.#decide(admission, version);
    this.#connection?.send({ type: "admit", admission, version });
  }

  /** @param {LobbyEntry} entry */
  decline({ admission, version }) {
    this.#decide(admission, version);
    this.#connection?.send({ type: "decline", admission, version });
  }

  /**
   * Whether a decision about this entry, as it stands, is on its way.
   * @param {LobbyEntry} entry
   */
  isDecided({ admission, version }) {
    return this.#decided.has(`${admission} ${version}`);
  }

  sendBack() {
    this.#connection?.send({ type: "send_back" });
  }

  /** @param {boolean} stopped whether what follows is free */
  stopMeter(stopped) {
    this.#connection?.send({ type: stopped ? "pause_meter" : "resume_meter" });
  }

  /** Ends the call for both. */
  leave() {
    void this.#connection?.closeWith({ type: "leave" });
    this.#finish("left");
  }

  /**
   * @param {string} admission
   * @param {number} version
   */
  #decide(admission, version) {
    this.#decided.add(`${admission} ${version}`);
    this.notice = "";
    this.onChange();
  }

  /** @param {Event} event */
  #hear(event) {
    const wasPresent = this.call.other.present;
    if (this.call.hear(event)) {
      if (event.type === "peer") this.notice = wasPresent && !event.present ? "patient_left" : "";
      return this.onChange();
    }
    if (event.type === "welcome") return this.#welcome(event.resumed);
    if (event.type === "lobby") return this.#lobby(event.entries);
    if (event.type === "not_yet") return this.#stop(event);
    if (event.type === "ended") return this.#finish(event.reason);
    if (event.type === "displaced") return this.#finish("same_person");
    if (event.type === "problem") return this.#trouble(event.code);
  }

  /** @param {boolean} resumed */
  #welcome(resumed) {
    // The media goes on while the server forgets: only what follows may end it.
    if (!resumed) this.call.join();
    this.onChange();
  }

  /** @param {import("./messages.js").NotYet} event */
  #stop(event) {
    this.notYet = event;
    this.#finish("not_yet");
  }

  /** @param {LobbyEntry[]} all */
  #lobby(all) {
    this.entries = all.filter((entry) => entry.consultation === this.consultation);
    this.elsewhere = all.length - this.entries.length;
    const expected = this.entries.find((entry) => entry.admission === this.#expected);
    if (expected) {
      this.#expected = "";
      this.admit(expected);
    }
    this.onLobby(this.entries.filter((entry) => entry !== expected));
    this.onChange();
  }

  /** @param {string} code */
  #trouble(code) {
    if (code === "not_found" || code === "log_in") return this.#finish(code);
    if (code === "bad_answer") return;
    // The lobby that follows shows how it stands; until then every decision is open again.
    this.#decided.clear();
    this.notice = code === "stale" || code === "busy" || code === "unpaid" ? code : code === "too_fast" ? "busy" : "failed";
    this.onChange();
  }

  /** @param {End} end */
  #finish(end) {
    const since = this.call.state.live_since;
    this.lasted = since ? Date.now() - new Date(since).getTime() : null;
    this.end = end;
    this.view = "end";
    this.entries = [];
    this.onLobby([]);
    this.call.reset();
    const connection = this.#connection;
    this.#connection = null;
    if (connection && !connection.leaving) connection.close();
    this.media.stop();
    this.onChange();
  }
}
