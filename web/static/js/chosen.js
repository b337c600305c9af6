/**
 * Whom the practitioner let in on the desk, carried to the room by this tab's own memory: a link from elsewhere, which
 * could name anybody in its address, admits nobody.
 */

/** @param {string} consultation */
const key = (consultation) => `visavis:admit:${consultation}`;

/**
 * @param {string} consultation
 * @param {string} admission
 */
export function choose(consultation, admission) {
  try {
    sessionStorage.setItem(key(consultation), admission);
  } catch {
    // Without a memory the room asks for the click again.
  }
}

/**
 * Returns the admission that was chosen, or "", and forgets it.
 * @param {string} consultation
 * @returns {string}
 */
export function takeChosen(consultation) {
  try {
    const admission = sessionStorage.getItem(key(consultation)) ?? "";
    sessionStorage.removeItem(key(consultation));
    return admission;
  } catch {
    return "";
  }
}
