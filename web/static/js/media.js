/** One's own camera, microphone and shared screen: on or off, which device, and why one is not there. */

import { capture } from "./capture.js";
import { prefer, preferences } from "./preferences.js";

/** @typedef {import("./capture.js").Kind} Kind */
/** @typedef {"unknown" | "ok" | "off" | "denied" | "missing" | "busy"} State */

export class Media {
  /** @type {Record<Kind, State>} */
  states = { camera: "unknown", microphone: "unknown" };
  /** @type {{camera: MediaStreamTrack | null, microphone: MediaStreamTrack | null, screen: MediaStreamTrack | null}} */
  tracks = { camera: null, microphone: null, screen: null };
  /** What the self view shows, or null without a picture. @type {MediaStream | null} */
  picture = null;
  /** @type {MediaDeviceInfo[]} */
  devices = [];
  /** Whether an answer of the user or of a device is awaited. */
  asking = false;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#list());
  }

  /** What the other side gets now. @returns {import("./messages.js").Sending} */
  get sending() {
    return {
      microphone: this.states.microphone === "ok",
      camera: this.states.camera === "ok",
      screen: this.tracks.screen !== null,
    };
  }

  /** What the practitioner may know about the devices of one who waits. @returns {import("./messages.js").Devices} */
  get report() {
    const { camera, microphone } = this.states;
    return { camera: camera === "busy" ? "missing" : camera, microphone: microphone === "busy" ? "missing" : microphone };
  }

  get canShare() {
    return typeof navigator.mediaDevices?.getDisplayMedia === "function";
  }

  /**
   * Asks for these devices; what is already there or was switched off stays as it is.
   * @param {Kind[]} [kinds]
   */
  async start(kinds = ["microphone", "camera"]) {
    const wanted = kinds.filter((kind) => !this.tracks[kind] && this.states[kind] !== "off");
    if (this.asking || wanted.length === 0) return;
    await this.#take(wanted);
  }

  /**
   * Switches camera or microphone. A camera that is off is let go of, so that its light goes out.
   * @param {Kind} kind
   * @param {boolean} on
   */
  async turn(kind, on) {
    const track = this.tracks[kind];
    if (!on && this.asking) return;
    if (kind === "microphone" && track) track.enabled = on;
    else if (on && !track) return this.asking ? undefined : this.#take([kind]);
    else if (!on) this.#drop(kind);
    this.states[kind] = on ? "ok" : "off";
    this.onChange();
  }

  /**
   * Takes this device from now on, and remembers it.
   * @param {Kind} kind
   * @param {string} id
   */
  async choose(kind, id) {
    prefer({ [kind]: id });
    if (this.asking) return;
    const wasOff = this.states[kind] === "off";
    if (wasOff && kind === "camera") return this.onChange();
    this.#drop(kind);
    await this.#take([kind]);
    if (wasOff) await this.turn(kind, false);
  }

  /** Lets the user pick what to share; changes nothing when they pick nothing. */
  async share() {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
      const track = stream.getVideoTracks()[0] ?? null;
      if (!track) return;
      // Text must stay sharp: better fewer pictures than blurred ones.
      track.contentHint = "detail";
      track.addEventListener("ended", () => this.stopSharing());
      this.tracks.screen = track;
      this.onChange();
    } catch {
      this.onChange();
    }
  }

  stopSharing() {
    this.tracks.screen?.stop();
    this.tracks.screen = null;
    this.onChange();
  }

  /** Lets go of everything. */
  stop() {
    this.tracks.screen?.stop();
    this.tracks.screen = null;
    for (const kind of /** @type {Kind[]} */ (["camera", "microphone"])) {
      this.#drop(kind);
      if (this.states[kind] === "ok") this.states[kind] = "unknown";
    }
    this.onChange();
  }

  /** @param {Kind[]} kinds */
  async #take(kinds) {
    this.asking = true;
    this.onChange();
    const captured = await capture(kinds, preferences());
    this.asking = false;
    for (const kind of kinds) {
      const { track, outcome } = captured[kind] ?? { track: null, outcome: /** @type {const} */ ("missing") };
      this.tracks[kind] = track;
      this.states[kind] = track ? "ok" : outcome;
      // Only a device that goes away fires this: our own stop() does not.
      track?.addEventListener("ended", () => this.#unplugged(kind, track));
      if (kind === "camera") this.picture = track && new MediaStream([track]);
    }
    await this.#list();
  }

  /**
   * @param {Kind} kind
   * @param {MediaStreamTrack} track
   */
  async #unplugged(kind, track) {
    if (this.tracks[kind] !== track) return;
    const wasOff = this.states[kind] === "off";
    this.#drop(kind);
    await this.#take([kind]);
    if (wasOff) await this.turn(kind, false);
  }

  /** @param {Kind} kind */
  #drop(kind) {
    this.tracks[kind]?.stop();
    this.tracks[kind] = null;
    if (kind === "camera") this.picture = null;
  }

  async #list() {
    try {
      const all = await navigator.mediaDevices.enumerateDevices();
      this.devices = all.filter(({ deviceId }) => deviceId !== "");
    } catch {
      this.devices = [];
    }
    this.onChange();
  }
}
