/** Times as people read them. Every function is given the time; none reads a clock. */

import { t } from "./text.js";

/**
 * Returns the time of day, e.g. "14:30".
 * @param {Date} at
 * @param {string} lang
 * @param {string} [zone] an IANA name; the browser's own zone without it
 */
export function timeOfDay(at, lang, zone) {
  return new Intl.DateTimeFormat(locale(lang), { hour: "2-digit", minute: "2-digit", ...inZone(zone) }).format(at);
}

/**
 * Returns the day in words, e.g. "lundi 23 novembre".
 * @param {Date} at
 * @param {string} lang
 * @param {string} [zone]
 */
export function dayInWords(at, lang, zone) {
  const form = /** @type {const} */ ({ weekday: "long", day: "numeric", month: "long" });
  return new Intl.DateTimeFormat(locale(lang), { ...form, ...inZone(zone) }).format(at);
}

/**
 * Returns the calendar day as "2026-11-23", for comparing days.
 * @param {Date} at
 * @param {string} [zone]
 */
export function calendarDay(at, zone) {
  return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", ...inZone(zone) }).format(at);
}

/**
 * Returns the time, with the day in words unless it is the same day as `now`.
 * @param {Date} at
 * @param {Date} now
 * @param {string} lang
 */
export function whenInWords(at, now, lang) {
  const time = timeOfDay(at, lang);
  if (calendarDay(at) === calendarDay(now)) return t("today at {time}", { time });
  return t("{day} at {time}", { day: dayInWords(at, lang), time });
}

/**
 * Returns a length of time roughly, as for how long somebody has waited: "40 s", "3 min", "1 h 05".
 * @param {number} milliseconds
 */
export function roughly(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return t("{seconds} s", { seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t("{minutes} min", { minutes });
  return t("{hours} h {minutes}", { hours: Math.floor(minutes / 60), minutes: String(minutes % 60).padStart(2, "0") });
}

/**
 * Returns a length of time exactly, as for how long a call has lasted: "04:07", "1:04:07".
 * @param {number} milliseconds
 */
export function exactly(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(seconds / 3600);
  return (hours ? [hours, ...parts] : parts).join(":");
}

/** @param {string} lang */
function locale(lang) {
  return lang === "en" ? "en-GB" : lang;
}

/** @param {string | undefined} zone */
function inZone(zone) {
  return zone ? { timeZone: zone } : {};
}
