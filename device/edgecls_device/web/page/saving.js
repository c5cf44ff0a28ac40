// Saving the shown picture under a label: a tap saves one, holding saves several.
import { byId, make, makeForeign, say, show } from "./elements.js";
import * as words from "./words.js";

const FEW = 12; // so many labels have a button each; of more, those that were used
const HOLD_MS = 400;
const EVERY_MS = 300;
const ANSWER_MS = 4000;
const SHOWN_MS = 8000;
const REMEMBERED = "edgecls-labels";

export class Saving {
  #send;
  #chips = new Map();
  #key = ""; // which labels there are buttons for
  #held = 0;
  #hasHeld = false; // so that the click at its end does not save one more
  #waiting = 0;
  #isLive = false;
  #hint = byId("saved").textContent;
  #fading = 0;

  constructor(send) {
    this.#send = send;
    byId("other").addEventListener("submit", (event) => {
      event.preventDefault();
      const label = byId("other-label").value.trim();
      if (label) this.#save(label);
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => this.#release());
  }

  begin({ can_collect: canCollect, labels }) {
    show(byId("saving"), canCollect);
    this.#waiting = 0;
    const key = JSON.stringify(labels);
    if (!canCollect || this.#key === key) return;
    this.#key = key;
    this.#chips.clear();
    byId("chips").replaceChildren();
    const isFew = labels.length <= FEW;
    for (const label of isFew ? labels : remembered()) this.#chip(label);
    byId("other-label").placeholder = this.#chips.size ? "Another label" : "Label";
    const options = isFew ? [] : labels.map((label) => Object.assign(make("option"), { value: label }));
    byId("known-labels").replaceChildren(...options);
  }

  /** Only a live picture is worth saving. */
  enable(isLive) {
    if (isLive === this.#isLive) return;
    this.#isLive = isLive;
    if (!isLive) this.#release();
    byId("saving").classList.toggle("off", !isLive);
    for (const { button } of this.#chips.values()) button.setAttribute("aria-disabled", !isLive);
  }

  saved({ label, count, is_new: isNew = true }) {
    this.#waiting = 0;
    const chip = this.#chips.get(label) ?? this.#chip(label);
    say(chip.number, words.count(count));
    chip.button.setAttribute("aria-label", `${label}, ${count} saved`);
    if (isNew) flash(chip.button);
    if (byId("other-label").value.trim() === label) byId("other-label").value = "";
    const name = words.shortened(label);
    const pictures = words.counted(count, "picture");
    const text = isNew ? `Saved under ${name}: ${pictures}.` : `Not saved again: ${name} has one like it (${pictures}).`;
    this.#say(text, isNew ? "done" : "");
    remember(label);
  }

  failed(message) {
    this.#waiting = 0;
    this.#release();
    this.#say(message, "trouble");
  }

  #save(label) {
    if (!this.#isLive) return this.#say("There is no live picture to save.", "trouble");
    if (this.#isWaiting) return this.#say("Still saving the picture before this one.");
    this.#waiting = Date.now();
    this.#send({ type: "save", label });
  }

  get #isWaiting() {
    return Date.now() - this.#waiting < ANSWER_MS;
  }

  #chip(label) {
    const button = make("button", "chip");
    button.type = "button";
    const number = make("span", "chip-count number");
    button.append(makeForeign("span", "chip-label", words.shortened(label, 40)), number);
    button.title = label;
    button.setAttribute("aria-disabled", !this.#isLive);
    button.addEventListener("pointerdown", (event) => event.button === 0 && this.#hold(label, button));
    button.addEventListener("pointerleave", () => this.#release());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("keydown", () => (this.#hasHeld = false));
    button.addEventListener("click", () => {
      if (!this.#hasHeld) this.#save(label);
      this.#hasHeld = false;
    });
    byId("chips").append(button);
    const chip = { button, number };
    this.#chips.set(label, chip);
    return chip;
  }

  // Nothing is saved before it is clear that the finger does not scroll the page.
  #hold(label, button) {
    this.#release();
    this.#hasHeld = false;
    this.#held = setTimeout(() => {
      this.#hasHeld = true;
      button.classList.add("held");
      this.#save(label);
      this.#held = setInterval(() => this.#isWaiting || this.#save(label), EVERY_MS);
    }, HOLD_MS);
  }

  #release() {
    clearTimeout(this.#held); // one space of numbers for both kinds of timer
    for (const { button } of this.#chips.values()) button.classList.remove("held");
  }

  #say(text, kind = "") {
    const line = byId("saved");
    line.className = `quiet ${kind}`;
    say(line, text);
    clearTimeout(this.#fading);
    if (text !== this.#hint) this.#fading = setTimeout(() => this.#say(this.#hint), SHOWN_MS);
  }
}

const flash = (button) => {
  button.classList.remove("flash");
  void button.offsetWidth; // so that the animation starts again
  button.classList.add("flash");
};

const remembered = () => {
  try {
    const labels = JSON.parse(localStorage.getItem(REMEMBERED) ?? "[]");
    return labels.filter((label) => typeof label === "string").slice(0, FEW);
  } catch {
    return [];
  }
};

const remember = (label) => {
  try {
    const labels = [label, ...remembered().filter((other) => other !== label)];
    localStorage.setItem(REMEMBERED, JSON.stringify(labels.slice(0, FEW)));
  } catch {
    // storage is forbidden or full: the next visit begins without these buttons
  }
};
