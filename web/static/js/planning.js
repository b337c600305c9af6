/** The form that plans a consultation: the time is asked for only when it is not now. */

/**
 * @param {string | undefined} zone the practitioner's
 */
export function preparePlanning(zone) {
  const form = document.querySelector("form[data-planning]");
  const later = form?.querySelector("[data-later]");
  const starts = /** @type {HTMLInputElement | null | undefined} */ (form?.querySelector("input[name=starts_at]"));
  if (!form || !later || !starts) return;
  preparePrice(form);
  const now = /** @type {HTMLInputElement | null} */ (form.querySelector("input[name=when][value=now]"));
  const show = () => {
    later.toggleAttribute("hidden", now?.checked ?? false);
    starts.required = !now?.checked;
    if (!starts.value) starts.value = nextHalfHour(new Date(), zone);
  };
  form.addEventListener("change", show);
  show();
}

/**
 * Shows what belongs to the chosen kind of price.
 * @param {Element} form
 */
function preparePrice(form) {
  const priced = form.querySelector("[data-priced]");
  const amount = /** @type {HTMLInputElement | null} */ (form.querySelector("input[name=amount]"));
  if (!priced || !amount) return;
  const show = () => {
    const chosen = /** @type {HTMLInputElement | null} */ (form.querySelector("input[name=basis]:checked"));
    const basis = chosen?.value ?? "free";
    priced.toggleAttribute("hidden", basis === "free");
    amount.required = basis === "fixed" || basis === "per_minute";
    for (const part of priced.querySelectorAll("[data-for]")) {
      part.toggleAttribute("hidden", !part.getAttribute("data-for")?.split(" ").includes(basis));
    }
  };
  form.addEventListener("change", show);
  show();
}

/**
 * Returns the next full or half hour as a `datetime-local` field writes it, on the clocks of that zone.
 * @param {Date} now
 * @param {string | undefined} zone
 * @returns {string}
 */
export function nextHalfHour(now, zone) {
  const half = 30 * 60 * 1000;
  const next = new Date(Math.ceil((now.getTime() + 1) / half) * half);
  const form = /** @type {const} */ ({ dateStyle: "short", timeStyle: "short" });
  // Sweden writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat("sv-SE", { ...form, ...(zone ? { timeZone: zone } : {}) }).format(next).replace(" ", "T");
}
