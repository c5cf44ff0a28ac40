// The socket: one picture is asked for at a time, it is opened again by itself, and silence counts as loss.

const SILENT_MS = 5000; // the server says how it is every second
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const UPGRADE_REQUIRED = 426; // what a plain request gets where a socket would have been fine

/**
 * Speaks with the server. `on` has these functions:
 *   message(message)            every JSON message but results
 *   picture(result, blob)       a result with its JPEG; the next is asked for once its promise is fulfilled
 *   changed()                   connected or not
 *   signIn()                    the server wants a token; nothing more is tried until `open` is called
 */
export class Connection {
  #on;
  #socket = null;
  #result = null;
  #heard = 0;
  #wait = FIRST_WAIT_MS;
  #timer = 0;
  #owesCredit = false;
  #trouble = "";
  retryAt = 0;
  isOpen = false;

  constructor(on) {
    this.#on = on;
    setInterval(() => this.#noticeSilence(), 1000);
    document.addEventListener("visibilitychange", () => this.#wake());
    addEventListener("pageshow", () => this.#wake());
    addEventListener("online", () => this.#wake());
  }

  /** Why there is no connection, as far as the server said. */
  get trouble() {
    return this.#trouble;
  }

  open() {
    clearTimeout(this.#timer);
    this.#forget();
    this.retryAt = 0;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`);
    socket.binaryType = "blob";
    socket.onopen = () => {
      this.isOpen = true;
      this.#trouble = "";
      this.#heard = Date.now();
      this.#ask();
      this.#on.changed();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost(event.reason);
    this.#heard = Date.now();
    this.#socket = socket;
  }

  send(message) {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  #receive(data) {
    this.#heard = Date.now();
    this.#wait = FIRST_WAIT_MS;
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.type === "result") this.#result = message;
      else this.#on.message(message);
    } else if (this.#result) {
      this.#show(this.#result, data);
      this.#result = null;
    }
  }

  async #show(result, blob) {
    const socket = this.#socket;
    try {
      await this.#on.picture(result, blob);
    } finally {
      if (socket === this.#socket) this.#ask();
    }
  }

  // A hidden page asks for nothing: it costs the server and the phone's battery nothing.
  #ask() {
    this.#owesCredit = document.hidden;
    if (!document.hidden) this.send({ type: "next" });
  }

  #lost(reason = "") {
    const wasOpen = this.isOpen;
    this.#forget();
    this.#trouble = reason;
    if (!wasOpen) this.#askWhy();
    else this.#tryLater();
    this.#on.changed();
  }

  // A browser does not tell a page why a socket was refused, but a plain request does.
  async #askWhy() {
    try {
      const answer = await fetch("/ws", { cache: "no-store", signal: AbortSignal.timeout?.(4000) });
      if (answer.status === 401) return this.#on.signIn();
      if (answer.status !== UPGRADE_REQUIRED) this.#trouble = await reasonOf(answer);
    } catch {
      this.#trouble = ""; // nobody answers, which is what the page says anyway
    }
    this.#tryLater();
    this.#on.changed();
  }

  #tryLater() {
    const wait = this.#wait * (0.8 + 0.4 * Math.random());
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
    this.retryAt = Date.now() + wait;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), wait);
  }

  #noticeSilence() {
    if (this.#socket && Date.now() - this.#heard > SILENT_MS) this.#lost();
  }

  #wake() {
    if (document.hidden) return;
    if (this.retryAt) {
      this.#wait = FIRST_WAIT_MS;
      this.open();
    } else if (this.#owesCredit) this.#ask();
    this.#noticeSilence();
  }

  #forget() {
    const socket = this.#socket;
    this.#socket = this.#result = null;
    this.isOpen = this.#owesCredit = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/** What a refusal says, a sentence for people. */
export const reasonOf = async (answer) => {
  const text = await answer.text();
  try {
    const { error, message, hint } = JSON.parse(text);
    const said = message ?? (typeof error === "string" ? error : error?.message);
    return [said, hint && sentence(hint)].filter(Boolean).join(" ") || `The server answered ${answer.status}.`;
  } catch {
    return text.length < 300 && text.trim() ? text.trim() : `The server answered ${answer.status}.`;
  }
};

const sentence = (hint) => `${hint[0].toUpperCase()}${hint.slice(1)}${/[.!?]$/.test(hint) ? "" : "."}`;
