/** The desk: the waiting list of all consultations, live, and the buttons of the page that the server drew. */

import { Alerts } from "./alerts.js";
import { choose } from "./chosen.js";
import { Connection } from "./connection.js";
import { openDialog } from "./dialog.js";
import { html, nothing } from "../vendor/lit-html.js";
import { copyLink, openLink } from "./invitation_view.js";
import { icon } from "./icons.js";
import { lobbyList } from "./lobby_view.js";
import { readPage, socketUrl } from "./page.js";
import { preparePlanning } from "./planning.js";
import { t } from "./text.js";
import { calendarDay } from "./time.js";
import { byId, drawing } from "./view.js";

/** @typedef {import("./messages.js").LobbyEntry} LobbyEntry */

readPage({});
const zone = /** @type {HTMLElement | null} */ (document.querySelector("[data-zone]"))?.dataset["zone"] || undefined;
const alerts = new Alerts(document.title, () => refresh());

/** @type {LobbyEntry[]} */
let entries = [];
/** @type {Set<string>} */
let decided = new Set();
let heard = false;
let problem = "";

const connection = new Connection({
  url: socketUrl(),
  opening: () => ({ type: "attend" }),
  onEvent: (event) => {
    if (event.type === "lobby") {
      heard = true;
      problem = "";
      entries = event.entries;
      decided = new Set();
      alerts.update(entries);
    } else if (event.type === "problem") {
      problem = event.code;
      decided = new Set();
      if (problem === "log_in") connection.close();
    }
    refresh();
  },
  onState: () => refresh(),
});

function draw() {
  return html`<div aria-live="polite">${state()} ${heard ? list() : nothing}</div>
    ${alertsControl()}`;
}

function state() {
  if (problem === "log_in") {
    return html`<p class="notice warning"><span>${t("You have been logged out.")}</span><a href="/login">${t("Log in")}</a></p>`;
  }
  if (problem === "stale") return html`<p class="notice">${t("This had been decided already, or they have left.")}</p>`;
  if (problem) return html`<p class="notice warning">${t("This did not work. Please try again.")}</p>`;
  if (connection.state === "reconnecting") return html`<p class="notice busy"><strong>${t("Reconnecting…")}</strong></p>`;
  return heard ? nothing : html`<p class="soft">${t("One moment…")}</p>`;
}

function list() {
  if (entries.length === 0) return html`<p class="soft quiet">${t("Nobody is waiting.")}</p>`;
  return lobbyList({
    entries,
    now: new Date(),
    about: (entry) => {
      const time = document.getElementById(entry.consultation)?.dataset["when"];
      return time ? t("appointment at {time}", { time }) : "";
    },
    isDecided: ({ admission }) => decided.has(admission),
    admit: ({ admission, consultation }) => {
      choose(consultation, admission);
      location.assign(`/consultations/${consultation}`);
    },
    decline: ({ admission, version }) => {
      decided.add(admission);
      connection.send({ type: "decline", admission, version });
      refresh();
    },
  });
}

function alertsControl() {
  const all = alerts.chime.possible && alerts.notifications !== "default";
  if (all) return html`<p class="hint alerts">${icon("bell")}${t("A chime tells you when somebody comes.")}</p>`;
  return html`<p class="alerts">
    <button type="button" class="small" @click=${() => void alerts.allow()}>${icon("bell")}${t("Alert me when somebody comes")}</button>
    <span class="hint">${t("With a chime and a message on the desktop, while this page is open.")}</span>
  </p>`;
}

const refresh = drawing(byId("lobby"), draw);

/**
 * Asks before a form is sent that cannot be undone.
 * @param {HTMLFormElement} form
 */
function confirmFirst(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const dialog = openDialog(
      t("Cancel this consultation?"),
      () => html`<p>${t("{name}: the link stops working, and whoever waits is told so.", { name: form.dataset["name"] ?? "" })}</p>
        <p class="row to-end">
          <button type="button" @click=${() => dialog.close()}>${t("Keep it")}</button>
          <button type="button" class="danger" @click=${() => form.submit()}>${t("Cancel the consultation")}</button>
        </p>`,
    );
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const { copy = "" } = /** @type {HTMLElement} */ (button).dataset;
  button.addEventListener("click", () => void copyLink(copy, /** @type {HTMLElement} */ (button.querySelector("span"))));
}
for (const link of document.querySelectorAll("a[data-qr]")) {
  const { link: text = "", name = "" } = /** @type {HTMLElement} */ (link).dataset;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    openLink({ link: text, qr: /** @type {HTMLAnchorElement} */ (link).href, name });
  });
}
for (const form of document.querySelectorAll("form[data-confirm]")) confirmFirst(/** @type {HTMLFormElement} */ (form));
for (const label of document.querySelectorAll("[data-day]")) {
  const { day } = /** @type {HTMLElement} */ (label).dataset;
  const word = { [calendarDay(new Date(), zone)]: t("Today"), [calendarDay(new Date(Date.now() + 86400000), zone)]: t("Tomorrow") };
  if (day && word[day]) label.prepend(`${word[day]}, `);
}
preparePlanning(zone);
if (location.hash.startsWith("#con_")) document.getElementById(location.hash.slice(1))?.focus();
setInterval(refresh, 1000);
refresh();
connection.start();
