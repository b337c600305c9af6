/** The call as one page sees it: who else is there, what they send, and the media connection between. */

import { Meter } from "./meter.js";
import { Peer } from "./peer.js";

/** @typedef {import("./messages.js").Event} Event */
/** @typedef {import("./messages.js").Request} Request */
/** @typedef {import("./messages.js").Sending} Sending */

/** @type {import("./messages.js").PeerState} */
const NOBODY = {
  type: "peer",
  present: false,
  connected: false,
  name: "",
  sending: { microphone: false, camera: false, screen: false },
};
/** @type {import("./messages.js").CallState} */
const OPEN = { type: "call", state: "open", live_since: null };

export class Call {
  other = NOBODY;
  state = OPEN;
  meter = new Meter();
  /** Whether one's page takes part: only then does it tell what it sends. */
  joined = false;

  #told = "";

  /**
   * @param {object} parts
   * @param {(request: Request) => void} parts.send
   * @param {import("./media.js").Media} parts.media
   * @param {() => void} parts.onChange
   */
  constructor({ send, media, onChange }) {
    this.send = send;
    this.media = media;
    this.onChange = onChange;
    this.peer = new Peer({ send, onChange });
  }

  /**
   * Takes part from now on.
   * @param {Sending} [told] what the server already knows of what is sent
   */
  join(told) {
    this.joined = true;
    this.#told = told ? JSON.stringify(told) : "";
    this.mediaChanged();
  }

  /** Leaves media and the other one behind; `join` or an offer begins anew. */
  reset() {
    this.joined = false;
    this.other = NOBODY;
    this.state = OPEN;
    this.meter.reset();
    this.peer.setConnected(false);
    this.peer.expectCamera(false);
    this.peer.reset();
  }

  /** Ends it for good. */
  close() {
    this.reset();
    this.peer.close();
  }

  /** To be called whenever one's camera, microphone or screen changed. */
  mediaChanged() {
    this.peer.use(this.media.tracks);
    const sending = JSON.stringify(this.media.sending);
    if (!this.joined || sending === this.#told) return;
    this.#told = sending;
    this.send({ type: "sending", sending: this.media.sending });
  }

  /**
   * Handles what concerns the call; returns whether it did.
   * @param {Event} event
   * @returns {boolean}
   */
  hear(event) {
    if (event.type === "offer") {
      if (!this.joined) this.join();
      void this.peer.receive(event);
    } else if (event.type === "peer") {
      this.other = event;
      this.peer.setConnected(event.connected);
      this.peer.expectCamera(event.sending.camera);
    } else if (event.type === "call") {
      this.state = event;
    } else if (event.type === "meter") {
      this.meter.hear(event, performance.now());
    } else if (event.type === "rejoin") {
      this.peer.reset();
    } else {
      return false;
    }
    this.onChange();
    return true;
  }
}
