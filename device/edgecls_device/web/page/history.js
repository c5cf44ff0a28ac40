// Events: a band of the last minutes, and a list of what came and went.
import { byId, make, makeForeign, say, show } from "./elements.js";
import * as words from "./words.js";

const MINUTES = 5;
const KEPT = 500;
const REMEMBERED = 50; // by the server
const FIRST_SHOWN = 8;
const MOST_SHOWN = 50;

export class History {
  #clock;
  #hues;
  #events = new Map(); // by id, oldest first
  #gaps = []; // when no live picture came, as seen from here: {start, end}
  #pieces = new Map(); // of the band, by event and gap
  #seen = 0; // until when what lasts is known to last, on the server's clock
  #isLive = false;
  #unknownBefore = 0; // the server has forgotten what was before
  #isLong = false;
  #drawn = "";

  constructor(clock, hues) {
    this.#clock = clock;
    this.#hues = hues;
    byId("band").replaceChildren();
    byId("more-events").onclick = () => {
      this.#isLong = !this.#isLong;
      this.draw();
    };
  }

  /** Take what the server remembers; a stay that it has forgotten ended when it was last seen. */
  begin(events) {
    const known = new Set(events.map((event) => event.id));
    for (const [id, event] of this.#events) {
      if (event.end === null && !known.has(id)) this.#events.set(id, { ...event, end: this.#seen });
    }
    if (!this.#events.size && events.length >= REMEMBERED) this.#unknownBefore = events[0].start;
    for (const event of events) this.add(event);
    this.draw();
  }

  add(event) {
    this.#events.set(event.id, event); // "left" takes the place of its "entered"
    while (this.#events.size > KEPT) this.#events.delete(this.#events.keys().next().value);
    return this;
  }

  /** Raise the peak of a stay that lasts: the server tells it only at both ends. */
  raise(label, score) {
    for (const [id, event] of this.#events) {
      const isHigher = event.end === null && event.label === label && score > event.peak_score;
      if (isHigher) this.#events.set(id, { ...event, peak_score: score });
    }
  }

  /** Say whether pictures are live now. */
  note(isLive) {
    const now = this.#clock.now;
    const open = this.#gaps.at(-1);
    const isOpen = open && open.end === null;
    if (isLive && isOpen) open.end = now;
    if (!isLive && !isOpen) this.#gaps.push({ start: now, end: null });
    if (this.#gaps.length > KEPT) this.#gaps.shift();
    if (isLive) this.#seen = now;
    this.#isLive = isLive;
  }

  draw() {
    this.#drawBand();
    this.#drawList();
  }

  /** When a stay ended, or until when it is known to last. */
  #end(event) {
    return event.end ?? (this.#isLive ? this.#clock.now : Math.max(this.#seen, event.start));
  }

  #drawBand() {
    const now = this.#clock.now;
    const old = this.#pieces;
    this.#pieces = new Map();
    this.#place(old, "before", "gap", 0, this.#unknownBefore);
    for (const gap of this.#gaps) this.#place(old, gap, "gap", gap.start, gap.end ?? now);
    for (const event of this.#events.values()) {
      const piece = this.#place(old, event.id, "stay", event.start, this.#end(event));
      if (!piece) continue;
      this.#hues.paint(piece, event.label);
      piece.title = this.#sentence(event);
    }
    for (const [key, piece] of old) if (!this.#pieces.has(key)) piece.remove();
    const count = this.#events.size;
    byId("band").setAttribute("aria-label", `Timeline of the last five minutes, ${words.counted(count, "event")} below`);
  }

  #place(old, key, kind, from, to) {
    const now = this.#clock.now;
    const span = 60 * MINUTES;
    const start = now - span;
    if (to < start || from > now) return null;
    const left = Math.max(from, start);
    const piece = old.get(key) ?? byId("band").appendChild(make("span", kind));
    piece.style.left = `${(100 * (left - start)) / span}%`;
    piece.style.width = `${(100 * Math.max(Math.min(to, now) - left, 0)) / span}%`;
    this.#pieces.set(key, piece);
    return piece;
  }

  #drawList() {
    const newest = [...this.#events.values()].slice(-MOST_SHOWN).reverse();
    const shown = newest.slice(0, this.#isLong ? MOST_SHOWN : FIRST_SHOWN);
    const key = JSON.stringify(shown.map((event) => [event.id, this.#sentence(event)]));
    show(byId("no-events"), newest.length === 0);
    show(byId("more-events"), newest.length > FIRST_SHOWN);
    say(byId("more-events"), this.#isLong ? "Show fewer" : `Show ${newest.length - FIRST_SHOWN} earlier`);
    if (key === this.#drawn) return;
    this.#drawn = key;
    byId("events").replaceChildren(...shown.map((event) => this.#row(event)));
  }

  #row(event) {
    const row = make("li", event.end === null && this.#isLive ? "here" : "");
    this.#hues.paint(row, event.label);
    const label = makeForeign("span", "event-label", event.label);
    label.title = event.label;
    row.append(
      make("span", "swatch"),
      label,
      make("span", "event-time number", this.#span(event)),
      make("span", "event-length number", words.duration(this.#end(event) - event.start)),
      make("span", "event-peak number", `peak ${words.percent(event.peak_score)}`),
    );
    return row;
  }

  #span(event) {
    const open = this.#isLive ? "now" : "?";
    return `${words.clock(event.start)}–${event.end === null ? open : words.clock(event.end)}`;
  }

  #sentence(event) {
    const length = words.duration(this.#end(event) - event.start);
    return `${event.label} ${this.#span(event)}, ${length}, peak ${words.percent(event.peak_score)}`;
  }
}
