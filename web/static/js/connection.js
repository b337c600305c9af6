/**
 * One participant's connection: numbered frames over a WebSocket that may break and resume.
 *
 * Give it an opening message and a listener, call `start`, then `send`. What was sent while the socket was
 * away is kept and sent again on the next one; what was received twice is heard once. When the server no
 * longer knows what it said, the listener's `welcome` has `resumed: false`, and the page starts from what
 * follows; when it no longer knows the session, a new one begins with the opening message, and what was unsent
 * is dropped.
 */

/** @typedef {import("./messages.js").Event} Event */
/** @typedef {import("./messages.js").Opening} Opening */
/** @typedef {import("./messages.js").Request} Request */
/** @typedef {import("./messages.js").ServerFrame} ServerFrame */
/** @typedef {"connecting" | "online" | "reconnecting" | "gone"} ConnectionState */

const FIRST_DELAY = 250;
const LONGEST_DELAY = 5000;
// The server counts on a word every few seconds from everybody who is there.
const SILENCE = 5000;
// Counted from our own unanswered word, not from the last one heard: a hidden page's timers run late, and a
// late timer must not make a sound connection look dead. 5 s + 7 s is 12 s of silence.
const PATIENCE = 7000;
const SHORT_PATIENCE = 2000;
const OPENING_PATIENCE = 10000;

// Why the server closes a socket, where coming back on a new one is not the answer (docs/protocol.md).
const LOGGED_OUT = 4003;
const TOO_FAST = 4008;
/** @type {ReadonlySet<number>} */
const FINAL = new Set([4000, 4001, 4002, LOGGED_OUT, 4004]);

export class Connection {
  /** Whether the last request is on its way. */
  leaving = false;

  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ConnectionState} */
  #state = "connecting";
  #session = "";
  #sent = 0;
  #received = 0;
  /** @type {{n: number, body: Request}[]} */
  #unacked = [];
  #attempts = 0;
  #spokeAt = 0;
  #patienceEnds = Infinity;
  #retry = 0;
  #ticking = 0;
  #watching = new AbortController();

  /**
   * @param {object} parts
   * @param {string} parts.url
   * @param {() => Opening} parts.opening asked for whenever a new session begins
   * @param {(event: Event) => void} parts.onEvent
   * @param {(state: ConnectionState) => void} [parts.onState]
   */
  constructor({ url, opening, onEvent, onState = () => {} }) {
    this.url = url;
    this.opening = opening;
    this.onEvent = onEvent;
    this.onState = onState;
  }

  get state() {
    return this.#state;
  }

  /** Opens the first socket. A page calls it once. */
  start() {
    const { signal } = this.#watching;
    window.addEventListener("online", () => this.#wake(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal });
    this.#ticking = window.setInterval(() => this.#tick(), 1000);
    this.#open();
  }

  /**
   * Sends a request now, or as soon as there is a socket again.
   * @param {Request} body
   */
  send(body) {
    if (this.#state === "gone") return;
    this.#sent += 1;
    this.#unacked.push({ n: this.#sent, body });
    if (this.#state === "online") this.#transmit(this.#sent, body);
  }

  /** Begins a new session with the opening message, on a new socket. */
  restart() {
    if (this.leaving) this.close();
    if (this.#state === "gone") return;
    this.#session = "";
    this.#drop();
    this.#become("connecting");
    this.#open();
  }

  /** Ends it for good; nothing is heard afterwards. */
  close() {
    this.#become("gone");
    this.#watching.abort();
    clearInterval(this.#ticking);
    this.#drop();
  }

  /**
   * Sends a last request and ends when the server has it, or after ten seconds; nothing more is heard meanwhile.
   * @param {Request} body
   */
  async closeWith(body) {
    this.send(body);
    this.leaving = true;
    this.onEvent = () => {};
    this.onState = () => {};
    for (let waits = 0; waits < 200 && this.#unacked.length > 0; waits += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.close();
  }

  #open() {
    clearTimeout(this.#retry);
    if (!this.#session) {
      this.#sent = 0;
      this.#received = 0;
      this.#unacked = [];
    }
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    this.#patienceEnds = performance.now() + OPENING_PATIENCE;
    socket.onopen = () => {
      const body = this.#session ? { type: "resume", session: this.#session } : this.opening();
      socket.send(JSON.stringify({ n: 0, ack: this.#received, body }));
    };
    socket.onmessage = (message) => socket === this.#socket && this.#hear(JSON.parse(message.data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code);
  }

  /** @param {ServerFrame} frame */
  #hear(frame) {
    this.#patienceEnds = Infinity;
    this.#unacked = this.#unacked.filter(({ n }) => n > frame.ack);
    const body = frame.body;
    if (!body) return;
    if (body.type === "welcome") {
      this.#welcome(frame.n, body);
    } else if (body.type === "problem" && body.code === "session_unknown") {
      this.restart();
    } else if (frame.n === 0 || frame.n > this.#received) {
      this.#received = Math.max(this.#received, frame.n);
      this.onEvent(body);
    }
    this.#speakIfSilent();
  }

  /**
   * @param {number} n
   * @param {import("./messages.js").Welcome} welcome
   */
  #welcome(n, welcome) {
    // What is not resumed is numbered anew by the server; what we say goes on with our own numbers.
    if (!welcome.resumed) this.#received = n;
    this.#session = welcome.session;
    this.#attempts = 0;
    this.#become("online");
    for (const { n: number, body } of this.#unacked) this.#transmit(number, body);
    this.onEvent(welcome);
  }

  /**
   * @param {number} n
   * @param {Request | null} body
   */
  #transmit(n, body) {
    this.#socket?.send(JSON.stringify({ n, ack: this.#received, body }));
    this.#spokeAt = performance.now();
    if (body) this.#patienceEnds = Math.min(this.#patienceEnds, this.#spokeAt + PATIENCE);
  }

  #speakIfSilent() {
    if (this.#state === "online" && performance.now() - this.#spokeAt >= SILENCE) this.send({ type: "alive" });
  }

  #tick() {
    if (performance.now() > this.#patienceEnds) this.#lost();
    else this.#speakIfSilent();
  }

  /** The machine woke up or found a network: learn at once whether the socket still lives. */
  #wake() {
    if (this.#state === "online") {
      this.send({ type: "alive" });
      this.#patienceEnds = Math.min(this.#patienceEnds, performance.now() + SHORT_PATIENCE);
    } else if (this.#state !== "gone" && this.#retry) {
      this.#attempts = 0;
      this.#open();
    }
  }

  /** @param {number} code */
  #closed(code) {
    if (code === TOO_FAST) this.#attempts = 5;
    if (!FINAL.has(code)) return this.#lost();
    const tell = this.onEvent;
    this.close();
    // This one comes without a last word.
    if (code === LOGGED_OUT) tell({ type: "problem", code: "log_in" });
  }

  #lost() {
    this.#drop();
    this.#become("reconnecting");
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts);
    this.#attempts += 1;
    // Jitter: a restarted server must not meet all its pages in the same millisecond.
    this.#retry = window.setTimeout(() => this.#open(), longest * (0.5 + Math.random() / 2));
  }

  #drop() {
    clearTimeout(this.#retry);
    this.#retry = 0;
    this.#patienceEnds = Infinity;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** @param {ConnectionState} state */
  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.onState(state);
  }
}
