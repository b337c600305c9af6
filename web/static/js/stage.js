/** The large picture: the other one's camera or shared screen, or an honest word in its place. */

import { html, nothing } from "../vendor/lit-html.js";
import { avatar } from "./avatar.js";
import { useSpeaker } from "./device_menus.js";
import { icon } from "./icons.js";
import { mark } from "./marks.js";
import { t } from "./text.js";
import { exactly } from "./time.js";

/** @typedef {import("./call.js").Call} Call */

// A face survives a narrow cut at the sides; beyond this share, bars are better than a cropped forehead.
const LARGEST_CUT = 0.42;

/**
 * @param {Call} call
 * @param {string} name of the other one
 * @param {Date} now
 */
export function stage(call, name, now) {
  const { other, peer } = call;
  const shown = other.connected && peer.link !== "none";
  const screen = shown && other.sending.screen;
  const camera = shown && other.sending.camera;
  const weak = peer.link === "lost" ? "weak" : "";
  return html`
    <video
      id="remote-video"
      class="remote ${camera ? (screen ? "tile" : "main") : "away"} ${weak}"
      aria-label=${t("Picture of {name}", { name })}
      autoplay
      playsinline
    ></video>
    <video
      id="remote-screen"
      class="remote ${screen ? "main" : "away"} ${weak}"
      aria-label=${t("Screen shared by {name}", { name })}
      autoplay
      playsinline
    ></video>
    ${camera || screen ? nothing : placeholder(call, name)} ${other.present ? badge(call, name, now) : nothing}
  `;
}

/**
 * @param {Call} call
 * @param {string} name
 */
function placeholder(call, name) {
  return html`<div class="placeholder" role="status">
    ${avatar(name)}
    <p>${inPlaceOfPicture(call, name)}</p>
  </div>`;
}

/**
 * Returns why there is no picture of the other one.
 * @param {Call} call
 * @param {string} name
 */
export function inPlaceOfPicture({ other, state, peer }, name) {
  if (!other.present) return t("{name} is not in the room at the moment. Stay here: the call goes on as soon as they are back.", { name });
  if (!other.connected && state.live_since) return t("{name} has lost the connection. The call resumes by itself.", { name });
  if (!other.connected || peer.link !== "connected") return t("Connecting with {name}…", { name });
  return t("{name} has switched the camera off.", { name });
}

/**
 * @param {Call} call
 * @param {string} name
 * @param {Date} now
 */
function badge({ other, state }, name, now) {
  const muted = other.connected && !other.sending.microphone;
  return html`<p class="badge">
    ${muted ? html`${icon("microphone_off")}<span class="visually-hidden">${t("Microphone off:")}</span>` : nothing}
    <span>${name}</span>
    ${state.live_since
      ? html`<span class="badge-time">${exactly(now.getTime() - new Date(state.live_since).getTime())}</span>`
      : nothing}
  </p>`;
}

/**
 * Gives the videos their streams; to be called after every drawing.
 * @param {Call} call
 * @param {(blocked: boolean) => void} onSound told whether the browser refuses to play sound without a click
 */
export function tendVideos({ peer }, onSound) {
  const camera = /** @type {HTMLVideoElement | null} */ (document.getElementById("remote-video"));
  const screen = /** @type {HTMLVideoElement | null} */ (document.getElementById("remote-screen"));
  if (!camera || !screen) return;
  if (camera.srcObject !== peer.remote) {
    connect(camera, peer.remote, onSound);
    if (peer.remote) camera.requestVideoFrameCallback?.(() => mark("first-remote-frame"));
    useSpeaker();
  }
  if (screen.srcObject !== peer.screen) connect(screen, peer.screen, () => {});
  fit(camera);
}

/** Plays the other one's sound; to be called from a click, where the browser refused before. */
export function playSound() {
  const camera = /** @type {HTMLVideoElement | null} */ (document.getElementById("remote-video"));
  void camera?.play();
}

/**
 * @param {HTMLVideoElement} video
 * @param {MediaStream | null} stream
 * @param {(blocked: boolean) => void} onSound
 */
function connect(video, stream, onSound) {
  video.srcObject = stream;
  video.onresize = () => fit(video);
  if (!stream) return;
  video.play().then(
    () => onSound(false),
    (error) => error.name === "NotAllowedError" && onSound(true),
  );
}

/** @param {HTMLVideoElement} video */
function fit(video) {
  const there = video.videoWidth / video.videoHeight;
  const here = video.clientWidth / video.clientHeight;
  const cut = 1 - Math.min(there / here, here / there);
  video.classList.toggle("cover", cut <= LARGEST_CUT);
}
