/** The icons: 24 units square, drawn with strokes in the colour of the text beside them. */

import { html, svg } from "../vendor/lit-html.js";

const SLASH = svg`<path d="M4 4l16 16" />`;
const MICROPHONE = svg`<rect x="9" y="3" width="6" height="11" rx="3" /><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />`;
const CAMERA = svg`<rect x="3" y="6.5" width="12" height="11" rx="2.5" /><path d="M15 11l6-3.5v9L15 13" />`;
const SCREEN = svg`<rect x="3" y="4" width="18" height="12" rx="2" /><path d="M8 20h8" />`;
const METER = svg`<circle cx="12" cy="13.5" r="7.5" /><path d="M12 13.5V9M9.5 3h5M18 6.5l1.3 1.3" />`;
const EYE = svg`<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z" /><circle cx="12" cy="12" r="3" />`;

const DRAWINGS = {
  microphone: MICROPHONE,
  microphone_off: [MICROPHONE, SLASH],
  camera: CAMERA,
  camera_off: [CAMERA, SLASH],
  share: [SCREEN, svg`<path d="M12 13V7.5M9.5 9.5L12 7l2.5 2.5" />`],
  stop_sharing: [SCREEN, svg`<path d="M9.5 7.5l5 5M14.5 7.5l-5 5" />`],
  eye: EYE,
  eye_off: [EYE, SLASH],
  meter: METER,
  meter_off: [METER, SLASH],
  settings: svg`<path d="M4 7h9M19 7h1M4 17h1M11 17h9" /><circle cx="16" cy="7" r="2.5" /><circle cx="8" cy="17" r="2.5" />`,
  leave: svg`<path d="M3 14.8c5-5.1 13-5.1 18 0l-2.3 2.3c-.3.3-.8.4-1.2.2l-2.4-1.2a1 1 0 0 1-.6-.9v-1.8a9.6 9.6 0 0 0-5 0v1.8a1 1 0 0 1-.6.9l-2.4 1.2c-.4.2-.9.1-1.2-.2z" />`,
  send_back: svg`<path d="M11 4H6.5A1.5 1.5 0 0 0 5 5.5v13A1.5 1.5 0 0 0 6.5 20H11M14 8l-4 4 4 4M10.5 12H21" />`,
  copy: svg`<rect x="9" y="9" width="11" height="11" rx="2" /><path d="M5.5 15H5a1.5 1.5 0 0 1-1.5-1.5V5A1.5 1.5 0 0 1 5 3.5h8.5A1.5 1.5 0 0 1 15 5v.5" />`,
  qr: svg`<rect x="4" y="4" width="6" height="6" rx="1" /><rect x="14" y="4" width="6" height="6" rx="1" /><rect x="4" y="14" width="6" height="6" rx="1" /><path d="M14 14h2.5v2.5M20 14v2.5M14 20h2.5M19 20h1" />`,
  card: svg`<rect x="3" y="5.5" width="18" height="13" rx="2" /><path d="M3 10h18M7 15h3" />`,
  check: svg`<path d="M5 12.5l4.5 4.5L19 7.5" />`,
  cross: svg`<path d="M6 6l12 12M18 6L6 18" />`,
  bell: svg`<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5a2.2 2.2 0 0 0 4 0" />`,
  warning: svg`<path d="M12 4l9 16H3zM12 10v4.5M12 17.2v.1" />`,
  clock: svg`<circle cx="12" cy="12" r="8.5" /><path d="M12 7v5.2l3.5 2" />`,
  person: svg`<circle cx="12" cy="8" r="4" /><path d="M4.5 20c.8-4 3.8-6 7.5-6s6.7 2 7.5 6" />`,
  signal: svg`<path d="M3 9.5a13 13 0 0 1 18 0M6.2 13a8.5 8.5 0 0 1 11.6 0M9.3 16.3a4 4 0 0 1 5.4 0M12 19.6v.1" />`,
  speaker: svg`<path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.5 4.5 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11" />`,
};

/** @typedef {keyof typeof DRAWINGS} Icon */

/**
 * Returns the icon; it says nothing to screen readers, the text beside it does.
 * @param {Icon} name
 */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${DRAWINGS[name]}</svg>`;
}
