/** The practitioner's room: shows what `Host` says. */

import { Alerts } from "./alerts.js";
import { aloneView, elsewhere } from "./alone_view.js";
import { callView } from "./call_view.js";
import { takeChosen } from "./chosen.js";
import { openDialog } from "./dialog.js";
import { endView } from "./end_view.js";
import { Habits } from "./habits.js";
import { Host } from "./host.js";
import { endInWords, noticeInWords } from "./host_words.js";
import { html, nothing } from "../vendor/lit-html.js";
import { Invoice } from "./invoice.js";
import { invoiceView } from "./invoice_view.js";
import { Level } from "./level.js";
import { showLevel } from "./level_view.js";
import { lobbyList } from "./lobby_view.js";
import { Media } from "./media.js";
import { isEnding } from "./meter_view.js";
import { readPage, socketUrl } from "./page.js";
import { tendSelf } from "./self_view.js";
import { tendVideos } from "./stage.js";
import { t } from "./text.js";
import { exactly } from "./time.js";
import { toolButton } from "./tools.js";
import { announce, byId, drawing, focusHeading } from "./view.js";
import { keepAwake } from "./wake_lock.js";

const page = readPage({
  consultation: "",
  practitioner: "",
  patient_name: "",
  starts_at: "",
  minutes: 0,
  invitation_url: "",
  priced: false,
});
const media = new Media(() => mediaChanged());
const habits = new Habits(media, () => refresh());
const level = new Level(() => levelChanged());
const alerts = new Alerts(document.title, () => refresh());
const host = new Host({
  url: socketUrl(),
  consultation: page.consultation,
  media,
  onChange: () => refresh(),
  onLobby: (entries) => alerts.update(entries),
});

const invoice = new Invoice({
  consultation: page.consultation,
  priced: page.priced,
  onChange: () => {
    redrawInvoice();
    refresh();
  },
});

let redrawInvoice = () => {};
let closeInvoice = () => {};
/** @type {MediaStreamTrack | null} */
let heard = null;
let silent = false;
let soundBlocked = false;
let shown = "";

function draw() {
  if (host.view === "end") {
    const now = new Date();
    // Before it begins there is nothing to invoice, and a click would give the patient's hold back.
    const more = now < new Date(page.starts_at) && host.lasted === null ? nothing : invoiceView(invoice, page.lang, true);
    return endView({ ...endInWords(host, now, page.lang, enterAgain), more });
  }
  const { call } = host;
  const now = new Date();
  const name = call.other.name || page.patient_name;
  const alone = !call.other.present;
  return callView({
    call,
    media,
    connection: /** @type {import("./connection.js").ConnectionState} */ (host.connectionState),
    lang: page.lang,
    name,
    selfName: page.practitioner,
    now,
    habits,
    silent,
    soundBlocked,
    notice: noticeInWords(host, page.patient_name),
    ...(alone ? { instead: drawAlone(now) } : { aside: drawAside(name, now) }),
    holdEnding: drawHoldEnding(name),
    tools: alone ? nothing : drawTools(),
    leave: () => host.leave(),
  });
}

/** @param {string} patient */
function drawHoldEnding(patient) {
  const shown = host.call.meter.shown(performance.now());
  if (!isEnding(shown)) return nothing;
  const left = exactly(shown.left * 1000);
  return html`<p class="notice warning">
    <span>${t("What {name} has authorised covers {left} more. After that the time is free, unless they authorise more.", { name: patient, left })}</span>
  </p>`;
}

function drawTools() {
  const meter = host.call.meter.shown(performance.now());
  const stopped = meter?.paused ?? false;
  return html`${invoice.look ? toolButton({ name: t("Invoice"), icon: "card", action: openInvoice }) : nothing}
  ${meter
    ? toolButton({
        name: stopped ? t("Let the meter run") : t("Stop the meter"),
        icon: stopped ? "meter" : "meter_off",
        look: stopped ? "active" : "",
        action: () => host.stopMeter(!stopped),
      })
    : nothing}
  ${toolButton({ name: t("Send back to the waiting room"), icon: "send_back", action: () => host.sendBack() })}`;
}

/** @param {Date} now */
function drawAlone(now) {
  return aloneView({
    patient: page.patient_name,
    startsAt: page.starts_at,
    minutes: page.minutes,
    link: page.invitation_url,
    qr: `/desk/consultations/${page.consultation}/invitation.svg`,
    lang: page.lang,
    lobby: lobby(now, ""),
    elsewhere: host.elsewhere,
    mayAllowAlerts: alerts.notifications === "default",
    allowAlerts: () => void alerts.allow(),
  });
}

/**
 * @param {string} inCall
 * @param {Date} now
 */
function drawAside(inCall, now) {
  if (host.entries.length === 0 && host.elsewhere === 0) return nothing;
  return html`<section class="aside" aria-labelledby="lobby-title">
    <h2 id="lobby-title">${t("Waiting room")}</h2>
    ${lobbyList(lobby(now, inCall))} ${elsewhere(host.elsewhere)}
  </section>`;
}

/**
 * @param {Date} now
 * @param {string} inCall
 * @returns {import("./lobby_view.js").LobbyModel}
 */
function lobby(now, inCall) {
  return {
    entries: host.entries,
    now,
    inCall,
    isDecided: (entry) => host.isDecided(entry),
    admit: (entry) => host.admit(entry),
    decline: (entry) => host.decline(entry),
  };
}

const refresh = drawing(byId("app"), draw, () => {
  habits.redrawSettings();
  tendSelf(media);
  tendVideos(host.call, (blocked) => {
    if (blocked === soundBlocked) return;
    soundBlocked = blocked;
    refresh();
  });
  const next = host.view === "end" ? "end" : host.call.other.present ? "call" : "alone";
  if (next === shown) return;
  changeView(shown, next);
  shown = next;
});

/**
 * @param {string} before
 * @param {string} now
 */
function changeView(before, now) {
  document.body.dataset["view"] = now;
  keepAwake(now !== "end");
  if (now === "end") {
    habits.closeSettings();
    closeInvoice();
  }
  if (now === "call") announce(t("{name} is in the room.", { name: host.call.other.name || page.patient_name }));
  // Who pressed a button that is gone would be left nowhere.
  if (now === "end" || before === "end" || (before && document.activeElement === document.body)) focusHeading();
}

function openInvoice() {
  void invoice.see();
  const closed = () => (redrawInvoice = closeInvoice = () => {});
  const dialog = openDialog(t("Invoice"), () => invoiceView(invoice, page.lang, false), closed);
  redrawInvoice = dialog.redraw;
  closeInvoice = dialog.close;
}

function enterAgain() {
  void media.start();
  host.enter();
}

function mediaChanged() {
  const track = media.tracks.microphone;
  if (track !== heard) {
    heard = track;
    level.listen(track);
    // A page that uses the microphone may also sound.
    if (track) alerts.chime.prepare();
  }
  host.mediaChanged();
}

function levelChanged() {
  showLevel(level.value);
  if (level.silent === silent) return;
  silent = level.silent;
  refresh();
}

document.addEventListener("keydown", (event) => host.view === "room" && habits.press(event));
setInterval(() => {
  if (host.tick(new Date())) void media.start();
  invoice.tick(performance.now());
  refresh();
}, 1000);
host.enter(takeChosen(page.consultation));
void media.start();
