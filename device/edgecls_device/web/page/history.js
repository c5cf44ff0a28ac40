// Events: a band of the last minutes, and a list of what came and went.
import { byId, make, makeForeign, say, show } from "./elements.js";
import * as words from "./words.js";

const MINUTES = 5;
const KEPT = 50;
const FIRST_SHOWN = 8;

export class History {
  #clock;
  #hues;
  #events = new Map(); // by id, oldest first
  #gaps = []; // when no live picture came, as seen from here: {start, end}
  #isLong = false;
  #drawn = "";

  constructor(clock, hues) {
    this.#clock = clock;
    this.#hues = hues;
    byId("more-events").onclick = () => {
      this.#isLong = !this.#isLong;
      this.draw();
    };
  }

  add(event) {
    this.#events.set(event.id, event); // "left" takes the place of its "entered"
    while (this.#events.size > KEPT) this.#events.delete(this.#events.keys().next().value);
  }

  /** Say whether pictures are live now. */
  note(isLive) {
    const open = this.#gaps.at(-1);
    const isOpen = open && open.end === null;
    if (isLive && isOpen) open.end = this.#clock.now;
    if (!isLive && !isOpen) this.#gaps.push({ start: this.#clock.now, end: null });
    if (this.#gaps.length > KEPT) this.#gaps.shift();
  }

  draw() {
    this.#drawBand();
    this.#drawList();
  }

  #drawBand() {
    const end = this.#clock.now;
    const start = end - 60 * MINUTES;
    const segment = (kind, from, to) => {
      if (to < start || from > end) return [];
      const left = Math.max(from, start);
      const piece = make("span", kind);
      piece.style.left = `${(100 * (left - start)) / (end - start)}%`;
      piece.style.width = `${(100 * (Math.min(to, end) - left)) / (end - start)}%`;
      return [piece];
    };
    const gaps = this.#gaps.flatMap((gap) => segment("gap", gap.start, gap.end ?? end));
    const stays = [...this.#events.values()].flatMap((event) => {
      const pieces = segment("stay", event.start, event.end ?? end);
      for (const piece of pieces) {
        this.#hues.paint(piece, event.label);
        piece.title = this.#sentence(event);
      }
      return pieces;
    });
    byId("band").replaceChildren(...gaps, ...stays);
    byId("band").setAttribute("aria-label", `Timeline of the last five minutes: ${words.counted(stays.length, "event")}`);
  }

  #drawList() {
    const newest = [...this.#events.values()].reverse();
    const shown = newest.slice(0, this.#isLong ? KEPT : FIRST_SHOWN);
    const key = JSON.stringify(shown.map((event) => [event.id, this.#span(event), this.#length(event), event.peak_score]));
    show(byId("no-events"), newest.length === 0);
    show(byId("more-events"), newest.length > FIRST_SHOWN);
    say(byId("more-events"), this.#isLong ? "Show fewer" : `Show ${newest.length - FIRST_SHOWN} earlier`);
    if (key === this.#drawn) return;
    this.#drawn = key;
    byId("events").replaceChildren(...shown.map((event) => this.#row(event)));
  }

  #row(event) {
    const row = make("li", event.end === null ? "here" : "");
    this.#hues.paint(row, event.label);
    const label = makeForeign("span", "event-label", event.label);
    label.title = event.label;
    row.append(
      make("span", "swatch"),
      label,
      make("span", "event-time number", this.#span(event)),
      make("span", "event-length number", this.#length(event)),
      make("span", "event-peak number", `peak ${words.percent(event.peak_score)}`),
    );
    return row;
  }

  #span(event) {
    return `${words.clock(event.start)}–${event.end === null ? "now" : words.clock(event.end)}`;
  }

  #length(event) {
    return words.duration((event.end ?? this.#clock.now) - event.start);
  }

  #sentence(event) {
    const parts = [this.#span(event), this.#length(event), `peak ${words.percent(event.peak_score)}`];
    return `${event.label} ${parts.join(", ")}`;
  }
}
