/** Drawing a page's main part, saying aloud what changed, and where the keyboard stands afterwards. */

import { render } from "../vendor/lit-html.js";

/**
 * Returns a function that draws again; many calls in one moment draw once.
 * @param {HTMLElement} container
 * @param {() => unknown} draw
 * @param {() => void} [after] called when it has been drawn
 * @returns {() => void}
 */
export function drawing(container, draw, after = () => {}) {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      render(draw(), container);
      after();
    });
  };
}

/**
 * Returns the element with that id, which the page's template promises.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * Has a screen reader say this when it is done with what it says.
 * @param {string} text
 */
export function announce(text) {
  const announcer = byId("announcer");
  // The same sentence twice is news only when the region was empty between.
  announcer.textContent = "";
  setTimeout(() => (announcer.textContent = text), 50);
}

/** Puts the keyboard at the head of the view that has just been drawn. */
export function focusHeading() {
  queueMicrotask(() => {
    const heading = /** @type {HTMLElement | undefined} */ (
      Array.from(document.querySelectorAll("h1")).find((one) => !one.closest("[hidden]"))
    );
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  });
}
