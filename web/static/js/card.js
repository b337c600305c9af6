/** Stripe's Payment Element: the one page that loads Stripe's script. Everything it needs stands in the fragment. */

import { readPage } from "./page.js";
import { post } from "./price.js";
import { t } from "./text.js";
import { byId } from "./view.js";

const page = readPage({ publishable_key: "", origin: "" });
const form = /** @type {HTMLFormElement} */ (byId("card"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));

/** @returns {{client_secret: string, account: string, setup: boolean, back: string} | null} */
function asked() {
  try {
    const bytes = location.hash.slice(1).match(/../g) ?? [];
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (pair) => Number.parseInt(pair, 16))));
  } catch {
    return null;
  }
}

/** @param {string} text */
function complain(text) {
  const place = byId("problem");
  place.textContent = text;
  place.hidden = !text;
  button.disabled = false;
}

async function begin() {
  const wanted = asked();
  const load = /** @type {any} */ (window)["Stripe"];
  // The fragment is anybody's to write: "//elsewhere" is a path to no one but a browser.
  if (!wanted || new URL(wanted.back, location.origin).origin !== location.origin) return complain(t("This link does not work"));
  if (!load) return complain(t("Stripe's form could not be loaded. Please check your connection or your ad blocker."));
  const stripe = load(page.publishable_key, { stripeAccount: wanted.account, locale: page.lang });
  const elements = stripe.elements({ clientSecret: wanted.client_secret, paymentMethodCreation: "manual" });
  elements.create("payment", { layout: "tabs" }).mount("#element");
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    complain("");
    button.disabled = true;
    await confirm(stripe, elements, wanted);
  });
}

/**
 * The card's brand is looked at on the server before anything is held.
 * @param {any} stripe
 * @param {any} elements
 * @param {{client_secret: string, account: string, setup: boolean, back: string}} wanted
 */
async function confirm(stripe, elements, { client_secret: clientSecret, account, setup, back }) {
  const checked = await elements.submit();
  if (checked.error) return complain(checked.error.message ?? "");
  const made = await stripe.createConfirmationToken({ elements, params: { return_url: `${page.origin}${back}` } });
  if (made.error) return complain(made.error.message ?? "");
  const { value, problem } = await post("/card/confirm", { account, client_secret: clientSecret, token: made.confirmationToken.id, back });
  if (!value) return complain(problem);
  if (value.state === "requires_action" && !setup) {
    const next = await stripe.handleNextAction({ clientSecret });
    if (next.error) return complain(next.error.message ?? "");
  } else if (value.state === "requires_action") {
    const next = await stripe.confirmCardSetup(clientSecret);
    if (next.error) return complain(next.error.message ?? "");
  }
  location.assign(back);
}

void begin();
