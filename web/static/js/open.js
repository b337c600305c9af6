/**
 * Following a one-time log-in link: its token stands in the fragment and is used up by this page's request.
 *
 * Nothing is asked of a browser in which nobody is logged in. Scanners of mail and browsers that draw ahead do not show
 * the page to anybody, so it waits until it is seen.
 */

import { readPage } from "./page.js";
import { byId, focusHeading } from "./view.js";

const SOMEONE_ELSE = 409;

readPage({});
const token = location.hash.slice(1);

/** @returns {Promise<void>} fulfilled once somebody can see the page */
function seen() {
  const shown = () => document.visibilityState === "visible" && !("prerendering" in document && document.prerendering);
  return new Promise((fulfil) => {
    const look = () => {
      if (!shown()) return;
      for (const change of ["visibilitychange", "prerenderingchange"]) document.removeEventListener(change, look);
      fulfil();
    };
    for (const change of ["visibilitychange", "prerenderingchange"]) document.addEventListener(change, look);
    look();
  });
}

/** @param {boolean} replace also when another practitioner is logged in */
async function redeem(replace) {
  const answer = await fetch(location.pathname, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token, replace }),
  });
  if (answer.status === SOMEONE_ELSE) return show("someone-else");
  // Until it is used up the token stays: a reload, or another language, asks the same question again.
  history.replaceState(null, "", location.pathname);
  if (!answer.ok) return show("used-up");
  const { location: target } = await answer.json();
  location.replace(target);
}

/** @param {"opening" | "someone-else" | "used-up"} part */
function show(part) {
  for (const id of ["opening", "someone-else", "used-up"]) byId(id).hidden = id !== part;
  focusHeading();
}

byId("replace").addEventListener("click", () => {
  show("opening");
  redeem(true).catch(() => show("used-up"));
});
seen()
  .then(() => redeem(false))
  .catch(() => show("used-up"));
