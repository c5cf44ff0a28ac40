// A photo of the user's own, classified on the device.
import { reasonOf } from "./connection.js";
import { Bars } from "./decision.js";
import { byId, say, show } from "./elements.js";
import * as words from "./words.js";

export class PhotoTrial {
  #bars = null;
  #url = "";
  #asked = 0;

  constructor() {
    byId("photo-file").addEventListener("change", (event) => {
      this.#try(event.target.files[0]);
      event.target.value = ""; // the same photo may be chosen again
    });
    let depth = 0; // dragenter and dragleave come for each element on the way
    const mark = (change) => {
      depth = Math.max(depth + change, 0);
      byId("drop").classList.toggle("over", depth > 0);
    };
    const hasFiles = (event) => !byId("photo").hidden && event.dataTransfer?.types.includes("Files");
    addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
    addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
    addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      mark(-depth);
      this.#try(event.dataTransfer.files[0]);
    });
  }

  begin(hues, labels) {
    this.#bars = new Bars(byId("photo-bars"), hues, labels);
  }

  async #try(file) {
    if (!file || !this.#bars) return;
    const asked = ++this.#asked;
    this.#preview(file);
    this.#fail("");
    show(byId("photo-result"), false);
    byId("photo").classList.add("busy");
    try {
      const result = await classify(file);
      if (asked === this.#asked) this.#show(result);
    } catch (error) {
      if (asked === this.#asked) this.#fail(error.message);
    } finally {
      if (asked === this.#asked) byId("photo").classList.remove("busy");
    }
  }

  #preview(file) {
    const image = byId("photo-preview");
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = URL.createObjectURL(file);
    image.onerror = () => show(image, false);
    image.src = this.#url;
    image.alt = file.name;
    show(image, true);
  }

  #show({ label, score, is_unknown: isUnknown, top }) {
    say(byId("photo-label"), isUnknown ? "Unknown" : label);
    say(byId("photo-score"), isUnknown ? "" : words.percent(score));
    this.#bars.update(top);
    show(byId("photo-hint"), false);
    show(byId("photo-result"), true);
  }

  #fail(message) {
    say(byId("photo-error"), message);
    show(byId("photo-error"), message !== "");
  }
}

const classify = async (file) => {
  let answer;
  try {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    answer = await fetch("/classify", { method: "POST", body: file, headers });
  } catch {
    throw new Error("The photo could not be sent: no answer from the server.");
  }
  if (!answer.ok) throw new Error(await reasonOf(answer));
  return answer.json();
};
