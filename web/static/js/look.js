/** Asking the server what an invitation leads to, before knocking. */

/**
 * @typedef {object} Invited
 * @property {string} practitioner
 * @property {string} starts_at
 * @property {number} minutes
 * @property {string | null} patient_name null once the link leads nowhere any more
 * @property {string} opens_at
 * @property {string} closes_at
 * @property {import("./messages.js").Obstacle[]} obstacles
 */

/**
 * Returns what the invitation leads to; "invalid" when to nothing, "unreachable" when the service gave no answer.
 * @param {string} invitation
 * @returns {Promise<Invited | "invalid" | "unreachable">}
 */
export async function look(invitation) {
  if (!invitation) return "invalid";
  try {
    const response = await fetch("/join/look", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ invitation }),
    });
    if (response.ok) return await response.json();
    // A mangled link is refused by its form already, before anything is looked up.
    return [400, 404, 422].includes(response.status) ? "invalid" : "unreachable";
  } catch {
    return "unreachable";
  }
}
