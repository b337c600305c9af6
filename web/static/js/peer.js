/**
 * The media connection: answers the server's offers and puts one's tracks on its three lines.
 *
 * The server always offers, with the lines 0 audio, 1 camera, 2 screen. Nothing is sent until the other side
 * is there (`connected`): a sender that talks to nobody would be starved by its own congestion control. What
 * the other one sends is known from signalling, never from a track's mute events, which are unreliable.
 */

import { diagnose, mark } from "./marks.js";

/** @typedef {"none" | "connecting" | "connected" | "lost"} Link */
/** @typedef {{camera: MediaStreamTrack | null, microphone: MediaStreamTrack | null, screen: MediaStreamTrack | null}} Tracks */

const LINES = /** @type {const} */ (["microphone", "camera", "screen"]);
const ASK_AGAIN_AFTER = 5000;
const ASK_AT_MOST_EVERY = 1000;

export class Peer {
  /** @type {Link} */
  link = "none";
  /** Microphone of the other one, and camera while it is on. @type {MediaStream | null} */
  remote = null;
  /** The screen that the other one shares. @type {MediaStream | null} */
  screen = null;

  /** @type {RTCPeerConnection | null} */
  #connection = null;
  #queue = Promise.resolve();
  /** @type {Tracks} */
  #tracks = { camera: null, microphone: null, screen: null };
  #connected = false;
  /** @type {MediaStreamTrack | null} */
  #remoteCamera = null;
  #cameraExpected = false;
  #asking = 0;
  #askedAt = -Infinity;
  #watching = new AbortController();

  /**
   * @param {object} parts
   * @param {(request: import("./messages.js").Request) => void} parts.send
   * @param {() => void} parts.onChange
   */
  constructor({ send, onChange }) {
    this.send = send;
    this.onChange = onChange;
    const { signal } = this.#watching;
    window.addEventListener("online", () => this.#networkChanged(), { signal });
    watchNetworkType(() => this.#networkChanged(), signal);
    diagnose(() => ({ link: this.link, stats: () => this.#stats() }));
  }

  /**
   * Answers an offer, after those that came before it.
   * @param {import("./messages.js").Offer} offer
   */
  receive(offer) {
    mark("offer");
    this.#queue = this.#queue
      .then(() => this.#answer(offer))
      .catch(() => {
        // A connection closed in the middle is no loss; a living one that refuses an offer needs another.
        if (this.#connection) this.#lost();
      });
    return this.#queue;
  }

  /**
   * Puts these tracks on the lines, at once where the other side is there.
   * @param {Tracks} tracks
   */
  use(tracks) {
    this.#tracks = { ...tracks };
    void this.#place();
  }

  /** @param {boolean} connected whether the other side can receive */
  setConnected(connected) {
    this.#connected = connected;
    void this.#place();
  }

  /**
   * A video element plays no sound before the first picture of the tracks that it has: so it is given the
   * camera's only while there are pictures to come.
   * @param {boolean} expected whether the other one sends a picture
   */
  expectCamera(expected) {
    this.#cameraExpected = expected;
    if (!this.remote || !this.#remoteCamera) return;
    if (expected) this.remote.addTrack(this.#remoteCamera);
    else this.remote.removeTrack(this.#remoteCamera);
  }

  /** Drops the connection; the next offer begins a new one. */
  reset() {
    this.#forget();
    this.#become("none");
  }

  /** Ends it for good. */
  close() {
    this.#watching.abort();
    this.reset();
  }

  /** @param {import("./messages.js").Offer} offer */
  async #answer({ negotiation, sdp, fresh }) {
    if (this.#watching.signal.aborted) return;
    if (fresh || !this.#connection) this.#begin();
    const connection = /** @type {RTCPeerConnection} */ (this.#connection);
    await connection.setRemoteDescription({ type: "offer", sdp });
    for (const transceiver of connection.getTransceivers()) transceiver.direction = "sendrecv";
    this.#gather(connection);
    await this.#place();
    await connection.setLocalDescription(await connection.createAnswer());
    if (connection !== this.#connection) return;
    this.send({ type: "answer", negotiation, sdp: connection.localDescription?.sdp ?? "" });
    mark("answer");
  }

  #begin() {
    this.#forget();
    const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.#connection = connection;
    connection.addEventListener("connectionstatechange", () => this.#look(connection));
    connection.addEventListener("iceconnectionstatechange", () => this.#look(connection));
    this.#become("connecting");
  }

  /** @param {RTCPeerConnection} connection */
  #gather(connection) {
    if (this.remote) return;
    /** @param {string} mid */
    const track = (mid) => connection.getTransceivers().find((one) => one.mid === mid)?.receiver.track;
    const [audio, camera, screen] = [track("0"), track("1"), track("2")];
    this.remote = new MediaStream(audio ? [audio] : []);
    this.screen = new MediaStream(screen ? [screen] : []);
    this.#remoteCamera = camera ?? null;
    this.expectCamera(this.#cameraExpected);
    this.onChange();
  }

  async #place() {
    const transceivers = this.#connection?.getTransceivers() ?? [];
    const placed = transceivers.map(({ mid, sender }) => {
      const line = LINES[Number(mid ?? -1)];
      const track = line && this.#connected ? this.#tracks[line] : null;
      return sender.track === track ? undefined : sender.replaceTrack(track);
    });
    // A connection that was closed meanwhile refuses its tracks: the next one gets them.
    await Promise.allSettled(placed);
  }

  /** @param {RTCPeerConnection} connection */
  #look(connection) {
    if (connection !== this.#connection) return;
    const { connectionState, iceConnectionState } = connection;
    if (iceConnectionState === "disconnected" || iceConnectionState === "failed" || connectionState === "failed") {
      this.#lost();
    } else if (connectionState === "connected") {
      if (this.link !== "connected") mark("connected");
      this.#stopAsking();
      this.#become("connected");
    }
  }

  #lost() {
    this.#become("lost");
    this.#ask();
    this.#asking ||= window.setInterval(() => this.#ask(), ASK_AGAIN_AFTER);
  }

  #networkChanged() {
    if (this.#connection) this.#ask();
  }

  #ask() {
    const now = performance.now();
    if (now - this.#askedAt < ASK_AT_MOST_EVERY) return;
    this.#askedAt = now;
    this.send({ type: "restart_ice" });
  }

  #stopAsking() {
    clearInterval(this.#asking);
    this.#asking = 0;
  }

  #forget() {
    this.#stopAsking();
    this.#connection?.close();
    this.#connection = null;
    this.remote = null;
    this.screen = null;
    this.#remoteCamera = null;
  }

  async #stats() {
    /** @type {object[]} */
    const figures = [];
    (await this.#connection?.getStats())?.forEach((figure) => figures.push(figure));
    return figures;
  }

  /** @param {Link} link */
  #become(link) {
    if (link === this.link) return;
    this.link = link;
    this.onChange();
  }
}

/**
 * Calls back when the machine moves to another kind of network. Only some browsers tell; the others' events
 * of this name are about estimated speed and mean nothing here.
 * @param {() => void} onMove
 * @param {AbortSignal} signal
 */
function watchNetworkType(onMove, signal) {
  const network = /** @type {(EventTarget & {type?: string}) | undefined} */ (Reflect.get(navigator, "connection"));
  let type = network?.type;
  const look = () => {
    if (network?.type === type) return;
    type = network?.type;
    onMove();
  };
  network?.addEventListener("change", look, { signal });
}
