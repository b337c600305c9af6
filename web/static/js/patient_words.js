/** What a patient is told at the ends of the way, and what can be done from there. */

import { t } from "./text.js";
import { whenInWords } from "./time.js";

/** @typedef {import("./end_view.js").EndModel} EndModel */
/** @typedef {import("./patient.js").Patient} Patient */

/**
 * @param {Patient} patient
 * @returns {EndModel}
 */
export function endInWords(patient) {
  const name = patient.invited?.practitioner ?? "";
  const back = { name: t("Back to the waiting room"), action: () => void patient.comeBack() };
  const quietly = { ...back, quiet: true };
  switch (patient.end) {
    case "left":
      return { icon: "check", heading: t("You have left the consultation"), text: t("You can close this page."), action: quietly };
    case "left_waiting":
      return {
        icon: "check",
        heading: t("You have left"),
        text: t("{name} no longer sees you waiting.", { name }),
        action: quietly,
      };
    case "hung_up":
      return {
        icon: "check",
        heading: t("The consultation is over"),
        text: t("{name} has ended it. You can close this page.", { name }),
        action: quietly,
      };
    case "declined":
      return {
        icon: "cross",
        heading: t("You were not let in"),
        text: t("{name} could not let you in. If you think that this is a mistake, please contact them directly.", { name }),
      };
    case "lapsed":
      return {
        icon: "clock",
        heading: t("Your place has lapsed"),
        text: t("You were away for too long, or the page was asleep. You can wait again: it takes one click."),
        action: { ...back, name: t("Wait again") },
      };
    case "same_person":
      return {
        icon: "copy",
        heading: t("You go on in another tab"),
        text: t("The consultation is open in another tab or window of this browser. You can close this one."),
        action: { ...back, name: t("Go on here instead") },
      };
    case "moved":
      return {
        icon: "send_back",
        heading: t("You go on on another device"),
        text: t("{name} has let in another device with the same link. You can close this page.", { name }),
        action: quietly,
      };
    case "never_joined":
      return {
        icon: "clock",
        heading: t("The consultation is over"),
        text: t("Its time has passed. Please contact {name} for a new appointment.", { name }),
      };
    default:
      return {
        icon: "signal",
        heading: t("The connection was lost for too long"),
        text: t("The call was ended. You can come back to the waiting room."),
        action: back,
      };
  }
}

/**
 * Why one cannot enter the waiting room now.
 * @param {Patient} patient
 * @param {Date} now
 * @param {string} lang
 * @returns {EndModel}
 */
export function obstacleInWords(patient, now, lang) {
  const name = patient.invited?.practitioner ?? "";
  const obstacles = patient.notYet?.obstacles ?? [];
  if (obstacles.includes("cancelled")) {
    return {
      icon: "cross",
      heading: t("This consultation is cancelled"),
      text: t("Please contact {name} if you need a new appointment.", { name }),
    };
  }
  if (obstacles.includes("ended") || obstacles.includes("too_late")) {
    return {
      icon: "clock",
      heading: t("This consultation is over"),
      text: t("Its time has passed. Please contact {name} for a new appointment.", { name }),
    };
  }
  if (!obstacles.includes("too_early") && patient.price.over) {
    return {
      icon: "check",
      heading: t("The consultation is over"),
      text: t("Its amount is settled. Please contact {name} for a new appointment.", { name }),
    };
  }
  if (!obstacles.includes("too_early")) {
    return {
      icon: "clock",
      heading: t("One moment…"),
      text: t("What you have authorised is being checked. This page goes on by itself."),
    };
  }
  const opens = new Date(patient.notYet?.opens_at ?? now);
  const starts = new Date(patient.invited?.starts_at ?? opens);
  return {
    icon: "clock",
    heading: t("You are early"),
    text: t("Your consultation with {name} is {when}.", { name, when: whenInWords(starts, now, lang) }),
    hint: t("The waiting room opens {when}. You can leave this page open: it goes on by itself.", {
      when: whenInWords(opens, now, lang),
    }),
  };
}

/**
 * @param {Patient} patient
 * @returns {string}
 */
export function noticeInWords(patient) {
  const name = patient.invited?.practitioner ?? "";
  switch (patient.notice) {
    case "sent_back":
      return t("{name} has asked you to wait again. You will be called back.", { name });
    case "new_place":
      return t("Your earlier place had lapsed: you have a new one.");
    case "busy":
      return t("The service is very busy. It tries again by itself.");
    case "failed":
      return t("Something went wrong. Please reload this page.");
    default:
      return "";
  }
}

/** @type {() => EndModel} */
export const insecure = () => ({
  icon: "warning",
  heading: t("This page is not secure"),
  text: t("Camera and microphone work only over a secure connection (https)."),
});

/** @type {() => EndModel} */
export const invalidLink = () => ({
  icon: "warning",
  heading: t("This link does not work"),
  text: t("It is not complete, or no longer valid. Please open the whole link again, or ask your practitioner for a new one."),
});

/**
 * @param {() => void} retry
 * @returns {EndModel}
 */
export const unreachable = (retry) => ({
  icon: "signal",
  heading: t("The service does not answer"),
  text: t("Please check your connection to the internet, then try again."),
  action: { name: t("Try again"), action: retry },
});
