// The label, its score and the scores of the newest picture.
import { byId, make, makeForeign, say } from "./elements.js";
import * as words from "./words.js";

const FEW = 5; // so many labels keep their places; more are listed by score

/** Rows of label, bar and score; a bar moves by its width. */
export class Bars {
  #list;
  #hues;
  #fixed;
  #rows = [];

  constructor(list, hues, labels) {
    this.#list = list;
    this.#hues = hues;
    this.#fixed = labels.length <= FEW ? labels : null;
    list.replaceChildren();
  }

  update(top) {
    const shown = this.#fixed ? allInOrder(this.#fixed, top) : top.slice(0, FEW);
    while (this.#rows.length < shown.length) this.#rows.push(this.#row());
    while (this.#rows.length > shown.length) this.#rows.pop().row.remove();
    shown.forEach(({ label, score, isBound }, place) => {
      const { row, name, bar, number } = this.#rows[place];
      say(name, label);
      name.title = label;
      bar.style.width = isBound ? "0" : `${100 * Math.min(Math.max(score, 0), 1)}%`;
      this.#hues.paint(row, label);
      row.classList.toggle("best", label === top[0].label);
      say(number, isBound && score >= 0.005 ? `< ${words.percent(score)}` : words.percent(score));
    });
  }

  clear() {
    for (const { row, bar, number } of this.#rows) {
      row.classList.remove("best");
      bar.style.width = "0";
      say(number, "–");
    }
  }

  #row() {
    const row = make("li");
    const name = makeForeign("span", "bar-label", "");
    const track = make("span", "track");
    const bar = make("span", "fill");
    const number = make("span", "number");
    track.append(bar);
    row.append(name, number, track);
    this.#list.append(row);
    return { row, name, bar, number };
  }
}

/** A run may send fewer scores than there are labels; of the rest is known what is left to 100 %. */
const allInOrder = (labels, top) => {
  const scores = new Map(top.map(({ label, score }) => [label, score]));
  const rest = Math.max(1 - top.reduce((sum, { score }) => sum + score, 0), 0);
  return labels.map((label) => ({ label, score: scores.get(label) ?? rest, isBound: !scores.has(label) }));
};

export class Verdict {
  #verdict = byId("verdict");
  #hues;
  #last = "";

  constructor(hues) {
    this.#hues = hues;
  }

  /** Show what is believed in `result`. */
  update(result) {
    const { label, score, is_unknown: isUnknown, held_s: heldS, top } = result;
    this.#verdict.dataset.kind = isUnknown ? "unknown" : "known";
    this.#fill(isUnknown ? "Unknown" : label);
    say(byId("score"), isUnknown ? "" : words.percent(score));
    if (!isUnknown) this.#hues.paint(this.#verdict, label);
    const guess = top[0] ? `, best guess ${words.shortened(top[0].label, 40)}` : "";
    const since = heldS < 1 ? "just now" : `for ${words.duration(heldS)}`;
    say(byId("held"), isUnknown ? since + guess : since);
    this.#last = isUnknown ? "unknown" : label;
  }

  /** There is no live picture: say nothing about now. */
  clear(ageMs) {
    this.#verdict.dataset.kind = "none";
    this.#fill("No picture");
    say(byId("score"), "");
    const before = this.#last && `before: ${words.shortened(this.#last, 40)}, ${words.age(ageMs ?? 0)} ago`;
    say(byId("held"), before);
  }

  #fill(text) {
    const label = byId("label");
    if (label.textContent === text) return;
    label.textContent = text;
    label.title = text;
    label.dataset.length = text.length > 40 ? "long" : text.length > 14 ? "medium" : "short";
  }
}
