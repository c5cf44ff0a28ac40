// The live page: takes what the server says and gives each part of the page its share.
import { Connection } from "./connection.js";
import { Bars, Verdict } from "./decision.js";
import { byId, Hues, say, show } from "./elements.js";
import { History } from "./history.js";
import * as numbers from "./numbers.js";
import { PhotoTrial } from "./photo.js";
import { Saving } from "./saving.js";
import { SignInForm, signIn, takeToken } from "./sign-in.js";
import { Stage } from "./stage.js";
import { ServerClock, Stopwatch } from "./time.js";
import * as words from "./words.js";

const LATE_MS = 2000; // an older picture is not live, unless the source or the network is always so slow
const SLOWEST_MS = 3000;
const SPEAK_MS = 4000;

class Page {
  #clock = new ServerClock();
  #stage = new Stage();
  #photo = new PhotoTrial();
  #connection = new Connection(this);
  #saving = new Saving((message) => this.#connection.send(message));
  #form = new SignInForm(() => this.#connection.open());
  #title = "edgecls";
  #status = null;
  #result = null; // the newest, with the watch that was started when it came
  #watch = null;
  #verdict = null;
  #bars = null;
  #history = null;
  #key = "";
  #hasConnected = false;
  #spoken = { text: "", at: 0 };
  #isSignedOut = false;
  #refusal = "";
  #ageAtArrival = 0;
  #pause = 0; // the usual time between two pictures, in ms
  #icon = "";

  async begin() {
    const token = takeToken();
    if (token !== null) this.#refusal = await signIn(token);
    this.#connection.open();
    setInterval(() => this.#tick(), 200);
    document.addEventListener("visibilitychange", () => this.#tick());
    setInterval(() => this.#history?.draw(), 1000);
  }

  // --- what the connection says

  message(message) {
    if (message.now) this.#clock.note(message.now);
    const handlers = {
      hello: () => this.#hello(message),
      status: () => this.#take(message),
      event: () => this.#history?.add(message).draw(),
      saved: () => this.#saving.saved(message),
      error: () => this.#saving.failed(message.message),
    };
    handlers[message.type]?.();
  }

  async picture(result, blob) {
    const arrived = new Stopwatch();
    await this.#stage.draw(blob);
    const pause = Math.min(this.#watch?.elapsed ?? 0, SLOWEST_MS);
    this.#pause += (pause - this.#pause) / 4;
    this.#result = result;
    this.#watch = arrived;
    const since = 1000 * (this.#clock.now - result.time) - arrived.elapsed;
    this.#ageAtArrival = Math.max(result.age_ms, since);
    const hasModel = result.top.length > 0; // there is none where pictures are only collected
    for (const part of document.querySelectorAll(".decision, .history")) show(part, hasModel);
    if (hasModel) {
      this.#bars?.update(result.top);
      this.#verdict?.update(result);
    }
    if (!result.is_unknown) this.#history?.raise(result.label, result.score);
    numbers.showRates(result);
    this.#stage.badge({ isStill: result.is_still, isStale: result.is_stale });
    this.#tick();
  }

  changed() {
    this.#hasConnected ||= this.#connection.isOpen;
    if (!this.#connection.isOpen) this.#status = null;
    this.#tick();
  }

  signIn() {
    this.#isSignedOut = true;
    this.#form.open(this.#refusal);
    this.#refusal = "";
    this.#tick();
  }

  #hello(hello) {
    this.#isSignedOut = false;
    this.#title = hello.title;
    say(byId("title"), hello.title);
    say(byId("source"), [hello.source, hello.description].filter(Boolean).join(" · "));
    say(byId("model"), [hello.artifact, hello.backend].filter(Boolean).join(" on "));
    this.#saving.begin(hello);
    show(byId("photo"), hello.can_classify ?? true);
    const key = JSON.stringify(hello.labels);
    if (key !== this.#key) {
      this.#key = key;
      const hues = new Hues(hello.labels);
      this.#bars = new Bars(byId("bars"), hues, hello.labels);
      this.#verdict = new Verdict(hues);
      this.#photo.begin(hues, hello.labels);
      this.#history = new History(this.#clock, hues);
    }
    this.#history.begin(hello.events);
  }

  #take(status) {
    this.#status = status;
    numbers.showNumbers(status);
    this.#tick();
  }

  // --- what is so at this moment

  get #ageMs() {
    return this.#watch ? this.#ageAtArrival + this.#watch.elapsed : null;
  }

  get #state() {
    if (this.#isSignedOut) return "signed_out";
    if (!this.#connection.isOpen) return this.#hasConnected ? "gone" : "connecting";
    return this.#status?.state ?? "connecting";
  }

  /** What lies over the picture; null if it is live. */
  #cover(state) {
    const trouble = this.#status?.source_status.trouble || this.#status?.reasons[0] || "";
    if (state === "signed_out") return { title: "Sign in" };
    if (state === "gone") return { title: "Connection lost", reason: this.#retry() };
    if (state === "source_lost") return { title: "Source lost", reason: trouble };
    if (this.#ageMs === null) {
      if (!this.#connection.isOpen) return { title: "Connecting", reason: this.#retry() };
      return { title: "Waiting for the first picture", reason: trouble };
    }
    const usual = 1000 / Math.max(this.#result.frames_per_second, 0.1);
    const late = Math.max(LATE_MS, 3 * usual, 3 * this.#pause);
    if (this.#ageMs > late) return { title: "No new picture", reason: trouble };
    return null;
  }

  #retry() {
    const { retryAt, trouble } = this.#connection;
    const seconds = Math.ceil((retryAt - Date.now()) / 1000);
    const next = seconds > 0 ? `Trying again in ${words.duration(seconds)}.` : "Trying again.";
    return this.#hasConnected || retryAt ? [trouble, next].filter(Boolean).join(" ") : "";
  }

  #tick() {
    const state = this.#state;
    const cover = this.#cover(state);
    const ageMs = this.#ageMs;
    const reasons = this.#status?.reasons ?? [];
    numbers.showState(state, reasons.filter((reason) => !cover || reason !== cover.reason));
    if (document.hidden) return this.#tell(this.#believedUnseen(state));
    this.#stage.show({ isLive: !cover, ...cover, ageMs });
    numbers.showAge(ageMs);
    this.#saving.enable(!cover);
    if (ageMs !== null) this.#history?.note(!cover);
    if (cover) {
      this.#verdict?.clear(ageMs);
      this.#bars?.clear();
      numbers.clearRates();
      this.#stage.badge({ isStill: false, isStale: false });
    }
    this.#stage.caption(cover ? "" : nameOf(this.#result));
    this.#tell(cover ? cover.title : nameOf(this.#result));
  }

  /** A hidden page gets no pictures, but the window's title still says what is believed. */
  #believedUnseen(state) {
    const decision = this.#status?.decision;
    return decision ? nameOf(decision) : numbers.stateInWords(state);
  }

  /** The title of the window, its icon, and what a screen reader says, at most once in four seconds. */
  #tell(text) {
    const title = `${words.shortened(text, 40)} · ${this.#title}`;
    if (document.title !== title) document.title = title;
    const href = icon(byId("pill").dataset.state);
    if (this.#icon !== href) byId("favicon").href = this.#icon = href;
    if (text === this.#spoken.text || Date.now() - this.#spoken.at < SPEAK_MS) return;
    this.#spoken = { text, at: Date.now() };
    say(byId("spoken"), text);
    this.#stage.describe(`Camera picture: ${text}`);
  }
}

const nameOf = (decision) => decision.label; // "unknown" while nothing is believed

const COLORS = { ready: "1f9d61", degraded: "d08a00", source_lost: "d33f3f", gone: "d33f3f" };

const icon = (state) => {
  const color = COLORS[state] ?? "8a8f98";
  return `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><rect width='32' height='32' rx='9' fill='%2315181d'/><circle cx='16' cy='16' r='8' fill='%23${color}'/></svg>`;
};

new Page().begin();
