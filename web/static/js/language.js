/** The language switch keeps the fragment, in which a patient's invitation stands: browsers carry it over the redirect. */

const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-language]"));
form?.addEventListener("submit", () => form.setAttribute("action", `/language${location.hash}`));
