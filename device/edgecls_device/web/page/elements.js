// Small pieces of DOM. Text goes in through textContent only: labels and messages are not trusted.
export const byId = (id) => document.getElementById(id);

export const make = (tag, className = "", text = "") => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
};

/** An element for text that may be of any script and direction, such as a label. */
export const makeForeign = (tag, className, text) => {
  const element = make(tag, className, text);
  element.dir = "auto";
  element.translate = false;
  return element;
};

/** Set text only where it changed: nothing is laid out anew, and screen readers stay quiet. */
export const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

export const show = (element, isShown) => {
  if (element.hidden === isShown) element.hidden = !isShown;
};

/** Give each label a hue of its own: golden-angle steps keep neighbours apart for any number of labels. */
export class Hues {
  #places = new Map();

  constructor(labels) {
    labels.forEach((label, place) => this.#places.set(label, place));
  }

  of(label) {
    if (!this.#places.has(label) && this.#places.size < 5000) this.#places.set(label, this.#places.size);
    return ((this.#places.get(label) ?? 0) * 137.508 + 255) % 360;
  }

  paint(element, label) {
    element.style.setProperty("--hue", this.of(label).toFixed(1));
  }
}
