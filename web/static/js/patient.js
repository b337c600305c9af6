/** The patient's way: device check, waiting room, call, end. No drawing here: `join.js` shows what this says. */

import { Call } from "./call.js";
import { Connection } from "./connection.js";
import { look } from "./look.js";
import { mark } from "./marks.js";
import { Price } from "./price.js";

/** @typedef {import("./messages.js").Event} Event */
/** @typedef {"looking" | "unreachable" | "invalid" | "price" | "check" | "not_yet" | "waiting" | "call" | "end"} View */
/** @typedef {"left" | "left_waiting" | "declined" | "lapsed" | "same_person" | "moved" | "hung_up" | "peer_lost"
 *   | "never_joined" | "worker_lost"} End */
/** @typedef {"" | "sent_back" | "new_place" | "busy" | "failed"} Notice */

// A clock that runs ahead of the server's must not try in a loop.
const TRY_AT_MOST_EVERY = 15000;

export class Patient {
  /** @type {View} */
  view = "looking";
  /** @type {import("./look.js").Invited | null} */
  invited = null;
  /** @type {import("./messages.js").Waiting | null} */
  waiting = null;
  /** @type {import("./messages.js").NotYet | null} */
  notYet = null;
  /** @type {End} */
  end = "left";
  /** @type {Notice} */
  notice = "";
  name = "";
  /** Whether a knock is under way that has no answer yet. */
  knocking = false;

  /** @type {Connection | null} */
  #connection = null;
  #triedAt = -Infinity;
  #goingOn = false;
  #reportedDevices = "";

  /**
   * @param {object} parts
   * @param {string} parts.url of the WebSocket
   * @param {string} parts.invitation
   * @param {import("./place.js").Place} parts.place
   * @param {import("./media.js").Media} parts.media
   * @param {() => void} parts.onChange
   */
  constructor({ url, invitation, place, media, onChange }) {
    this.url = url;
    this.invitation = invitation;
    this.place = place;
    this.media = media;
    this.onChange = onChange;
    this.price = new Price({ invitation, onChange: () => this.#priceChanged() });
    this.call = new Call({ send: (request) => this.#connection?.send(request), media, onChange });
  }

  get connectionState() {
    return this.#connection?.state ?? "gone";
  }

  /**
   * Looks where the invitation leads; a reload after joining goes on by itself.
   * @param {object} [how]
   * @param {boolean} [how.returned] whether the patient is back from the card form
   * @param {boolean} [how.quiet] whether what is shown stays until there is something else to show
   */
  async begin({ returned = false, quiet = false } = {}) {
    if (!quiet) this.#show("looking");
    const found = await look(this.invitation);
    if (typeof found === "string") return quiet && found === "unreachable" ? undefined : this.#show(found);
    this.invited = found;
    this.name ||= this.place.kept?.name ?? found.patient_name ?? "";
    // Back from the card form the provider is asked first: the gate may not have heard of the hold yet.
    if (this.place.joined && this.place.kept && !(returned && found.obstacles.length > 0)) {
      // Media and signalling at once: whoever reloads wants the call, or the turn, back soon.
      void this.media.start();
      return this.knock();
    }
    if (found.obstacles.length > 0) return this.#stop({ type: "not_yet", ...found }, returned);
    this.#show("check");
  }

  /** Asks to be let in, with the place this browser already has, if any. */
  knock() {
    this.#connection?.close();
    this.#triedAt = performance.now();
    this.knocking = true;
    this.#connection = new Connection({
      url: this.url,
      opening: () => this.#opening(),
      onEvent: (event) => this.#hear(event),
      onState: () => this.onChange(),
    });
    this.#connection.start();
    this.onChange();
  }

  /** To be called whenever one's devices changed. */
  mediaChanged() {
    this.call.mediaChanged();
    const devices = JSON.stringify(this.media.report);
    if (this.view === "waiting" && !this.media.asking && devices !== this.#reportedDevices) {
      this.#reportedDevices = devices;
      this.#connection?.send({ type: "devices", devices: this.media.report });
    }
    this.onChange();
  }

  /**
   * To be called every second: tries again when the waiting room should be open, or the service be there again.
   * @param {Date} now
   */
  tick(now) {
    if (this.view === "price" || this.view === "call") this.price.tick(performance.now());
    if (this.view === "end" && this.end !== "declined") this.price.tickAfter(performance.now());
    const due = this.view === "unreachable" || (this.view === "not_yet" && this.#mayPass(now));
    if (!due || performance.now() - this.#triedAt < TRY_AT_MOST_EVERY) return;
    this.#triedAt = performance.now();
    void this.#again();
  }

  /** Whether what keeps the patient out may have gone by now. @param {Date} now */
  #mayPass(now) {
    if (!this.notYet || !isOpen(this.notYet.obstacles)) return false;
    if (this.notYet.obstacles.includes("too_early")) return now >= new Date(this.notYet.opens_at);
    return !this.price.over;
  }

  async #again() {
    if (this.price.look) await this.price.refresh();
    await this.begin({ quiet: this.view === "not_yet" });
  }

  /** Gives up the place or the seat. */
  leave() {
    void this.#connection?.closeWith({ type: "leave" });
    this.#finish(this.view === "waiting" ? "left_waiting" : "left");
  }

  /** Comes back from an end page: to the same place where it still stands. */
  async comeBack() {
    await this.media.start();
    this.knock();
  }

  /** @returns {import("./messages.js").Knock} */
  #opening() {
    this.#reportedDevices = JSON.stringify(this.media.report);
    return {
      type: "knock",
      invitation: this.invitation,
      name: this.name,
      devices: this.media.report,
      ticket: this.place.kept?.ticket ?? null,
    };
  }

  /** @param {Event} event */
  #hear(event) {
    if (this.call.hear(event)) return this.#enterCall();
    switch (event.type) {
      case "welcome":
        // The media goes on while the server forgets: only what follows may end it.
        if (!event.resumed && this.call.joined) this.call.join();
        return;
      case "waiting":
        return this.#wait(event);
      case "admitted":
        mark("admitted");
        this.#keep(event.ticket);
        this.call.join();
        return this.#enterCall();
      case "sent_back":
        this.notice = "sent_back";
        this.media.stopSharing();
        return this.call.reset();
      case "not_yet":
        this.price.look = null;
        return this.#stop(event);
      case "lapsed":
        return this.#lapse();
      case "declined":
        this.place.forget();
        return this.#finish("declined");
      case "ended":
        return this.#finish(event.reason);
      case "displaced":
        return this.#finish(event.how);
      case "problem":
        return this.#trouble(event.code);
    }
  }

  /** @param {import("./messages.js").Waiting} event */
  #wait(event) {
    this.knocking = false;
    this.waiting = event;
    this.place.joined = true;
    this.#keep(event.ticket);
    if (this.call.joined) this.call.reset();
    this.#show("waiting");
    this.mediaChanged();
  }

  #enterCall() {
    this.knocking = false;
    this.notice = "";
    this.place.joined = true;
    this.#show("call");
  }

  /**
   * @param {import("./messages.js").NotYet} event
   * @param {boolean} [returned] whether the patient is back from the card form
   */
  #stop(event, returned = false) {
    this.notYet = event;
    this.#connection?.close();
    this.media.stop();
    // Long before the start one may agree already; once it is over nobody is asked for money.
    const priced = event.obstacles.includes("agreement") || event.obstacles.includes("hold");
    if (!priced || !isOpen(event.obstacles) || this.price.settled) return this.#show("not_yet");
    this.#show("price");
    void this.price.see(returned);
  }

  #priceChanged() {
    this.onChange();
    if (this.view === "price" && this.price.settled && !this.price.busy) void this.#goOn();
  }

  /** Once: where the gate still says no, the page says so, and tries again now and then. */
  async #goOn() {
    if (this.#goingOn) return;
    this.#goingOn = true;
    this.#triedAt = performance.now();
    await this.begin({ quiet: true });
    this.#goingOn = false;
  }

  /** One who just clicked takes a new place; one who slept through it is asked first. */
  #lapse() {
    this.place.forget();
    if (!this.knocking) return this.#finish("lapsed");
    this.notice = "new_place";
    this.knock();
  }

  /** @param {string} code */
  #trouble(code) {
    if (code === "not_found") {
      this.#connection?.close();
      this.media.stop();
      return this.#show("invalid");
    }
    if (code === "stale" || code === "bad_answer") return;
    this.notice = code === "busy" || code === "too_fast" ? "busy" : "failed";
    if (this.notice === "failed") this.knocking = false;
    this.onChange();
  }

  /** @param {End} end */
  #finish(end) {
    this.end = end;
    this.notice = "";
    this.place.joined = false;
    this.call.reset();
    if (this.connectionState !== "gone") this.#settle();
    this.media.stop();
    this.#show("end");
  }

  #settle() {
    const connection = this.#connection;
    this.#connection = null;
    if (connection && !connection.leaving) connection.close();
  }

  /** @param {string} ticket */
  #keep(ticket) {
    this.place.keep({ ticket, name: this.name });
  }

  /** @param {View} view */
  #show(view) {
    if (view !== "call" && view !== "waiting") this.knocking = false;
    this.view = view;
    this.onChange();
  }
}

/** Whether the consultation may still take place. @param {import("./messages.js").Obstacle[]} obstacles */
function isOpen(obstacles) {
  return !obstacles.some((obstacle) => obstacle === "cancelled" || obstacle === "ended" || obstacle === "too_late");
}
