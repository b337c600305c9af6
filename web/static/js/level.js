/** How loud a microphone is, and whether it has picked up nothing at all for a while. */

// A live microphone in a silent room still hisses above this (about -74 dB); below it nothing arrives at all.
const NOTHING = 2e-4;
const SILENT_AFTER = 8000;
const EVERY = 100;

export class Level {
  /** From 0 to 1, on a scale that follows the ear. */
  value = 0;
  /** Whether the microphone, though on, has given nothing for eight seconds. */
  silent = false;

  /** @type {AudioContext | null} */
  #context = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #input = null;
  /** @type {AnalyserNode | null} */
  #analyser = null;
  #samples = new Float32Array(1024);
  #timer = 0;
  #heardAt = 0;

  /** @param {() => void} onChange called about ten times a second while it listens */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /**
   * Listens to this track from now on, or to nothing.
   * @param {MediaStreamTrack | null} track
   */
  listen(track) {
    clearInterval(this.#timer);
    this.#input?.disconnect();
    this.#input = null;
    this.value = 0;
    this.silent = false;
    if (!track) return;
    this.#context ??= new AudioContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: this.#samples.length });
    this.#input = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#input.connect(this.#analyser);
    this.#heardAt = performance.now();
    void this.#context.resume();
    this.#timer = window.setInterval(() => this.#measure(track), EVERY);
  }

  #measure(/** @type {MediaStreamTrack} */ track) {
    const now = performance.now();
    // A browser that has not let the context run, or a muted track, tells nothing about the microphone.
    if (this.#context?.state !== "running" || !track.enabled) {
      this.#heardAt = now;
      this.value = 0;
    } else {
      this.#analyser?.getFloatTimeDomainData(this.#samples);
      const peak = this.#samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0);
      if (peak > NOTHING) this.#heardAt = now;
      this.value = Math.max(scale(peak), this.value - 0.12);
    }
    this.silent = now - this.#heardAt > SILENT_AFTER;
    this.onChange();
  }
}

/**
 * Maps an amplitude to 0..1 by decibels: -60 dB and less is 0, full scale is 1.
 * @param {number} amplitude
 */
export function scale(amplitude) {
  if (amplitude <= 0) return 0;
  return Math.min(1, Math.max(0, 1 + (20 * Math.log10(amplitude)) / 60));
}
