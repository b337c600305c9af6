/** Asking the browser for camera and microphone, and saying why one was not given. */

/** @typedef {"camera" | "microphone"} Kind */
/** @typedef {"ok" | "denied" | "missing" | "busy"} Outcome */
/** @typedef {{track: MediaStreamTrack | null, outcome: Outcome}} Captured */
/** @typedef {{camera?: string | undefined, microphone?: string | undefined}} Chosen device ids */

const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, facingMode: "user" };

/**
 * Asks for the wanted devices, together where possible so that there is one prompt; what cannot be had is
 * asked for alone, so that a missing camera does not cost the microphone.
 * @param {Kind[]} wanted
 * @param {Chosen} chosen
 * @returns {Promise<Partial<Record<Kind, Captured>>>}
 */
export async function capture(wanted, chosen) {
  const together = await ask(wanted, chosen);
  const refused = wanted.some((kind) => together[kind]?.outcome !== "ok");
  if (wanted.length < 2 || !refused) return together;
  if (together.camera?.outcome === "denied" && !(await oneIsBlocked())) return together;
  return { ...(await ask(["microphone"], chosen)), ...(await ask(["camera"], chosen)) };
}

/**
 * Whether camera and microphone may be used without asking, as far as the browser tells.
 * @returns {Promise<boolean>}
 */
export async function alreadyAllowed() {
  const states = await Promise.all([permission("camera"), permission("microphone")]);
  return states.every((state) => state === "granted");
}

async function oneIsBlocked() {
  const states = await Promise.all([permission("camera"), permission("microphone")]);
  return states.filter((state) => state === "denied").length === 1;
}

/** @param {Kind} kind */
async function permission(kind) {
  try {
    const status = await navigator.permissions.query({ name: /** @type {PermissionName} */ (kind) });
    return status.state;
  } catch {
    return "unknown";
  }
}

/**
 * @param {Kind[]} wanted
 * @param {Chosen} chosen
 * @returns {Promise<Partial<Record<Kind, Captured>>>}
 */
async function ask(wanted, chosen) {
  /** @param {Outcome} outcome */
  const without = (outcome) => Object.fromEntries(wanted.map((kind) => [kind, { track: null, outcome }]));
  if (!navigator.mediaDevices?.getUserMedia) return without("missing");
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: wanted.includes("microphone") && { ...MICROPHONE, ...device(chosen.microphone) },
      video: wanted.includes("camera") && { ...CAMERA, ...device(chosen.camera) },
    });
    const track = { microphone: stream.getAudioTracks()[0] ?? null, camera: stream.getVideoTracks()[0] ?? null };
    return Object.fromEntries(wanted.map((kind) => [kind, { track: track[kind], outcome: "ok" }]));
  } catch (error) {
    return without(outcomeOf(error));
  }
}

/** @param {string | undefined} id */
function device(id) {
  // A device that is gone must not stop the call: the browser then takes another.
  return id ? { deviceId: { ideal: id } } : {};
}

/**
 * @param {unknown} error
 * @returns {Outcome}
 */
function outcomeOf(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "missing";
}
