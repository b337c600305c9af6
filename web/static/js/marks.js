/**
 * Diagnostic marks: when this page passed the steps of a call, for tests and measurements.
 *
 * `window.visavis` only tells: `marks()` gives each step's first and last time in milliseconds since the page
 * began, `link()` the state of the media connection, `stats()` the browser's own figures about it. Nothing in
 * the product reads them, and nothing can be changed through them.
 */

/** @typedef {"admitted" | "offer" | "answer" | "connected" | "first-remote-frame"} Step */

const STEPS = /** @type {const} */ (["admitted", "offer", "answer", "connected", "first-remote-frame"]);

/** @type {() => {link: string, stats: () => Promise<object[]>}} */
let source = () => ({ link: "none", stats: async () => [] });

/**
 * Notes that the page passed this step now.
 * @param {Step} step
 */
export function mark(step) {
  performance.mark(step);
}

/**
 * Says where `link()` and `stats()` look.
 * @param {typeof source} next
 */
export function diagnose(next) {
  source = next;
}

const diagnostics = Object.freeze({
  marks() {
    const seen = STEPS.map((step) => [step, performance.getEntriesByName(step, "mark")]);
    return Object.fromEntries(
      seen.flatMap(([step, entries]) => {
        const list = /** @type {PerformanceEntryList} */ (entries);
        const [first, last] = [list[0], list.at(-1)];
        return first && last ? [[step, { first: first.startTime, last: last.startTime, times: list.length }]] : [];
      }),
    );
  },
  link: () => source().link,
  stats: () => source().stats(),
});

Object.defineProperty(window, "visavis", { value: diagnostics });
