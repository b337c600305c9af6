/** What a practitioner is told in their room, and at its end. */

import { t } from "./text.js";
import { exactly, whenInWords } from "./time.js";

/** @typedef {import("./end_view.js").EndModel} EndModel */
/** @typedef {import("./host.js").Host} Host */

/**
 * @param {Host} host
 * @param {Date} now
 * @param {string} lang
 * @param {() => void} enterAgain
 * @returns {EndModel}
 */
export function endInWords(host, now, lang, enterAgain) {
  const again = { name: t("Back into the room"), action: enterAgain };
  const desk = { name: t("Back to my consultations"), href: "/desk" };
  const lasted = host.lasted === null ? {} : { hint: t("You talked for {duration}.", { duration: exactly(host.lasted) }) };
  switch (host.end) {
    case "left":
    case "hung_up":
      return {
        icon: "check",
        heading: t("The consultation is over"),
        text: t("You have left the room. The patient's link stays valid until the end of the planned time."),
        ...lasted,
        action: { ...again, quiet: true },
        link: desk,
      };
    case "same_person":
      return {
        icon: "copy",
        heading: t("You go on in another tab"),
        text: t("The consultation is open in another tab, window or device of yours. You can close this one."),
        action: { ...again, name: t("Go on here instead") },
        link: desk,
      };
    case "never_joined":
      return {
        icon: "clock",
        heading: t("The consultation is over"),
        text: t("Its time has passed, and you did not meet in it."),
        link: desk,
      };
    case "not_yet":
      return notYet(host, now, lang, desk);
    case "not_found":
      return {
        icon: "warning",
        heading: t("This room is not open"),
        text: t("The consultation is over, cancelled, or not one of yours."),
        link: desk,
      };
    case "log_in":
      return {
        icon: "person",
        heading: t("Please log in again"),
        text: t("You have been logged out, perhaps because you were away for long."),
        link: { name: t("Log in"), href: "/login" },
      };
    default:
      return {
        icon: "signal",
        heading: t("The connection was lost for too long"),
        text: t("The call was ended. You can go back into the room."),
        ...lasted,
        action: again,
        link: desk,
      };
  }
}

/**
 * @param {Host} host
 * @param {Date} now
 * @param {string} lang
 * @param {{name: string, href: string}} link
 * @returns {EndModel}
 */
function notYet({ notYet: told }, now, lang, link) {
  const obstacles = told?.obstacles ?? [];
  if (obstacles.includes("cancelled")) {
    return { icon: "cross", heading: t("This consultation is cancelled"), text: t("Nobody can enter its room."), link };
  }
  if (obstacles.includes("ended") || obstacles.includes("too_late")) {
    return { icon: "clock", heading: t("This consultation is over"), text: t("Its time has passed."), link };
  }
  const when = whenInWords(new Date(told?.opens_at ?? now), now, lang);
  return {
    icon: "clock",
    heading: t("You are early"),
    text: t("This room opens {when}. You can leave this page open: it goes on by itself.", { when }),
    link,
  };
}

/**
 * @param {Host} host
 * @param {string} patient
 * @returns {string}
 */
export function noticeInWords(host, patient) {
  switch (host.notice) {
    case "stale":
      return t("This had been decided already, or they have left.");
    case "busy":
      return t("The service has no room for another call at the moment. Please try again in a minute.");
    case "unpaid":
      return t("{name} must authorise the payment again first, and has been asked to.", { name: patient });
    case "failed":
      return t("This did not work. Please try again.");
    case "patient_left":
      return t("{name} has left the consultation.", { name: patient });
    default:
      return "";
  }
}
