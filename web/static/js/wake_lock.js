/** Keeping the screen from going dark while somebody waits or talks. */

/** @type {WakeLockSentinel | null} */
let held = null;
let wanted = false;

/** @param {boolean} awake */
export function keepAwake(awake) {
  if (awake === wanted) return;
  wanted = awake;
  void settle();
}

async function settle() {
  try {
    if (wanted && !document.hidden && (!held || held.released)) held = await navigator.wakeLock.request("screen");
    if (!wanted) await held?.release();
  } catch {
    // A battery that is nearly empty forbids it, and some browsers do not know it.
  }
}

// The lock is lost whenever the page is hidden.
document.addEventListener("visibilitychange", () => wanted && void settle());
