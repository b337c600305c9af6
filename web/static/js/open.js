/** Following a one-time log-in link: its token stands in the fragment and is used up by this page's request. */

import { readPage } from "./page.js";
import { byId, focusHeading } from "./view.js";

readPage({});

async function open() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  const answer = await fetch("/open", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!answer.ok) throw new Error(`refused with ${answer.status}`);
  const { location: target } = await answer.json();
  location.replace(target);
}

open().catch(() => {
  byId("opening").hidden = true;
  byId("used-up").hidden = false;
  focusHeading();
});
