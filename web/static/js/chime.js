/** Two soft notes, a third apart upwards: heard, and not frightening. */

const NOTES = /** @type {const} */ ([
  [659.3, 0],
  [830.6, 0.18],
]);

export class Chime {
  /** @type {AudioContext | null} */
  #audio = null;

  /** @param {() => void} [onChange] called when sound becomes possible */
  constructor(onChange = () => {}) {
    this.onChange = onChange;
  }

  /** Whether the browser lets the page make a sound. */
  get possible() {
    return this.#audio?.state === "running";
  }

  /** Tries to make sound possible without a click; browsers allow it where the page is already in use. */
  prepare() {
    this.#audio ??= new AudioContext();
    this.#audio.onstatechange = () => this.onChange();
    void this.#audio.resume();
    return this.#audio;
  }

  sound() {
    const audio = this.prepare();
    for (const [frequency, delay] of NOTES) {
      const start = audio.currentTime + delay;
      const gain = new GainNode(audio, { gain: 0 });
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(0.2, start + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0005, start + 1.1);
      const note = new OscillatorNode(audio, { type: "sine", frequency });
      note.connect(gain).connect(audio.destination);
      note.start(start);
      note.stop(start + 1.2);
    }
  }
}
