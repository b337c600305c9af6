/** What this browser remembers for its user: chosen devices and habits. A browser that forbids it forgets. */

const KEY = "visavis:preferences";

/**
 * @typedef {object} Preferences
 * @property {string} [camera] a device id
 * @property {string} [microphone]
 * @property {string} [speaker]
 * @property {boolean} [selfHidden]
 * @property {boolean} [noShortcuts]
 * @property {boolean} [alerts]
 */

/** @returns {Preferences} */
export function preferences() {
  return remembered(KEY) ?? {};
}

/** @param {Preferences} changes */
export function prefer(changes) {
  remember(KEY, { ...preferences(), ...changes });
}

/**
 * Returns what was remembered under that key, or null.
 * @param {string} key
 */
export function remembered(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {unknown} value null forgets it
 */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows and full disks: the page works without a memory.
  }
}
