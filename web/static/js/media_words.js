/** What to tell people when a device is not there, and what they can do about it. */

import { t } from "./text.js";

/** @typedef {import("./media.js").State} State */
/** @typedef {{camera: State, microphone: State}} States */

/**
 * Returns a sentence for each thing that keeps the user from being seen or heard, most useful first.
 * @param {States} states
 * @returns {string[]}
 */
export function deviceProblems(states) {
  if (!window.isSecureContext) return [t("Camera and microphone work only over a secure connection (https).")];
  if (states.camera === "denied" && states.microphone === "denied") {
    return [
      t("The browser does not let this page use the camera and the microphone. Allow them with the symbol in the address bar, then try again."),
    ];
  }
  return [microphoneProblem(states.microphone), cameraProblem(states.camera)].filter((text) => text !== "");
}

/** @param {State} state */
function cameraProblem(state) {
  if (state === "denied") {
    return t("The browser does not let this page use the camera. Allow it with the symbol in the address bar, or go on without picture.");
  }
  if (state === "missing") return t("No camera was found. You can go on without picture.");
  if (state === "busy") return t("Another program is using the camera. Close it and try again, or go on without picture.");
  return "";
}

/** @param {State} state */
function microphoneProblem(state) {
  if (state === "denied") {
    return t("The browser does not let this page use the microphone: nobody will hear you. Allow it with the symbol in the address bar, then try again.");
  }
  if (state === "missing") return t("No microphone was found: nobody will hear you. Plug one in, then try again.");
  if (state === "busy") return t("Another program is using the microphone: nobody will hear you. Close it, then try again.");
  return "";
}

/**
 * Returns in a few words what the practitioner should know of a waiting patient's devices; nothing when all is well.
 * @param {import("./messages.js").Devices} devices
 * @returns {string}
 */
export function devicesInWords(devices) {
  const without = {
    camera: ["denied", "missing"].includes(devices.camera),
    microphone: ["denied", "missing"].includes(devices.microphone),
  };
  if (without.camera && without.microphone) return t("No camera and no microphone");
  if (without.microphone) return t("No microphone");
  if (without.camera) return t("No camera");
  if (devices.camera === "ok" && devices.microphone === "ok") return t("Camera and microphone ready");
  if (devices.camera === "off") return t("Camera switched off");
  return t("Devices not checked");
}
