/** The patient's page: shows what `Patient` says. */

import { callView } from "./call_view.js";
import { alreadyAllowed } from "./capture.js";
import { Chime } from "./chime.js";
import { deviceCheck } from "./device_check.js";
import { duesView } from "./dues_view.js";
import { endView } from "./end_view.js";
import { Habits } from "./habits.js";
import { html } from "../vendor/lit-html.js";
import { Level } from "./level.js";
import { showLevel } from "./level_view.js";
import { Media } from "./media.js";
import { isEnding } from "./meter_view.js";
import { readPage, socketUrl } from "./page.js";
import { Patient } from "./patient.js";
import { endInWords, insecure, invalidLink, noticeInWords, obstacleInWords, unreachable } from "./patient_words.js";
import { Place } from "./place.js";
import { takeAway } from "./price.js";
import { priceView } from "./price_view.js";
import { tendSelf } from "./self_view.js";
import { tendVideos } from "./stage.js";
import { t } from "./text.js";
import { exactly } from "./time.js";
import { announce, byId, drawing, focusHeading } from "./view.js";
import { keepAwake } from "./wake_lock.js";
import { waitingView } from "./waiting_view.js";

const page = readPage({});
// Back from the card form this tab has an address without the invitation.
const away = location.hash.length > 1 ? null : takeAway();
if (away) history.replaceState(null, "", `#${away}`);
const invitation = location.hash.slice(1);
const media = new Media(() => mediaChanged());
const habits = new Habits(media, () => refresh());
const chime = new Chime();
const level = new Level(() => levelChanged());

/** @type {Patient | null} */
let patient = null;
/** @type {MediaStreamTrack | null} */
let heard = null;
let silent = false;
let soundBlocked = false;
let shown = "";

function draw() {
  if (!patient) return endView(window.isSecureContext ? invalidLink() : insecure());
  const now = new Date();
  const { view, name, notice, call } = patient;
  const words = noticeInWords(patient);
  const leave = () => patient?.leave();
  if (view === "invalid") return endView(invalidLink());
  if (view === "unreachable") return endView(unreachable(() => void begin()));
  if (view === "price" && patient.invited) {
    return priceView({ price: patient.price, invited: patient.invited, name, lang: page.lang });
  }
  if (view === "not_yet") {
    return endView({ ...obstacleInWords(patient, now, page.lang), more: duesView(patient.price.look, page.lang, false) });
  }
  if (view === "end") return endView({ ...endInWords(patient), more: duesView(patient.price.look, page.lang, true) });
  const connection = /** @type {import("./connection.js").ConnectionState} */ (patient.connectionState);
  if (view === "waiting" && patient.waiting) {
    const openSettings = () => habits.openSettings();
    return waitingView({
      waiting: patient.waiting, media, connection, lang: page.lang, now, name, notice: words, openSettings, leave,
    });
  }
  if (view === "call") {
    const other = call.other.name || patient.invited?.practitioner || "";
    return callView({
      call, media, connection, lang: page.lang, name: other, selfName: name, now, habits, silent, soundBlocked, notice: notice ? words : "",
      holdEnding: holdEnding(patient), leave,
    });
  }
  if (view === "check" && patient.invited) {
    const { invited, knocking, place } = patient;
    const hasPlace = place.kept !== null;
    return deviceCheck({
      media, invited, lang: page.lang, now, name, knocking, hasPlace, silent, notice: words, join: (entered) => void join(entered),
    });
  }
  return html`<div class="end"><h1>${t("One moment…")}</h1></div>`;
}

/** @param {Patient} now */
function holdEnding({ call, price }) {
  const shown = call.meter.shown(performance.now());
  if (!isEnding(shown)) {
    price.extending = false;
    price.formUrl = "";
    return "";
  }
  const left = exactly(shown.left * 1000);
  return html`<p class="notice warning">
    <span>${t("What you have authorised covers {left} more.", { left })} ${price.problem}</span>
    ${price.formUrl
      ? html`<a class="button small" href=${price.formUrl} target="_blank" rel="noopener">${t("Open the card form")}</a>`
      : html`<button type="button" class="small" ?disabled=${price.busy} @click=${() => void price.extend()}>${t("Authorise more")}</button>`}
  </p>`;
}

const refresh = drawing(byId("app"), draw, () => {
  habits.redrawSettings();
  tendSelf(media);
  if (!patient) return;
  tendVideos(patient.call, (blocked) => {
    if (blocked === soundBlocked) return;
    soundBlocked = blocked;
    refresh();
  });
  if (patient.view === shown) return;
  changeView(patient);
});

/** @param {Patient} now */
function changeView(now) {
  const first = shown === "" || shown === "looking";
  shown = now.view;
  const takesPart = shown === "waiting" || shown === "call";
  document.body.dataset["view"] = shown;
  keepAwake(takesPart);
  if (!takesPart) habits.closeSettings();
  if (!first) focusHeading();
  if (shown === "check") void startIfAllowed();
  if (shown === "call") {
    // Who waits may look elsewhere.
    chime.sound();
    announce(t("You are in the consultation."));
  }
  document.title = `${document.querySelector("h1")?.textContent ?? ""} · Visavis`;
}

/** @param {string} name */
async function join(name) {
  if (!patient || name === "") return;
  patient.name = name;
  await media.start();
  patient.knock();
}

function mediaChanged() {
  const track = media.tracks.microphone;
  if (track !== heard) {
    heard = track;
    level.listen(track);
  }
  patient?.mediaChanged();
  refresh();
}

function levelChanged() {
  showLevel(level.value);
  if (level.silent === silent) return;
  silent = level.silent;
  refresh();
}

async function begin() {
  if (!window.isSecureContext || !invitation) return refresh();
  patient ??= new Patient({ url: socketUrl(), invitation, place: await Place.of(invitation), media, onChange: refresh });
  await patient.begin({ returned: away !== null });
}

async function startIfAllowed() {
  if (await alreadyAllowed()) await media.start();
}

window.addEventListener("hashchange", () => location.reload());
document.addEventListener("keydown", (event) => patient?.view === "call" && habits.press(event));
setInterval(() => {
  if (!patient) return;
  patient.tick(new Date());
  if (patient.view !== "check" && patient.view !== "price") refresh();
}, 1000);
void begin();
