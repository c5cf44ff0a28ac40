// The page: a model in this browser, on the camera or a photo.
import { showAbout, showCheck, showInput } from "./about.js";
import { Camera } from "./camera.js";
import { Bars } from "./decision.js";
import { takePhotos } from "./dropping.js";
import { byId, Hues, make, makeForeign, say, show } from "./elements.js";
import { readModel, Runner } from "./runner.js";
import { shownLabels } from "./scores.js";
import * as words from "./words.js";

const SPEAK_MS = 4000;

class Page {
  #runner = new Runner();
  #camera = new Camera(byId("video"), { onFrame: (bitmap) => this.#frame(bitmap), onEnd: (reason) => this.#end(reason) });
  #model = null;
  #hues = null;
  #bars = null;
  #asked = 0; // a photo or a start of the camera; what was asked before is not shown any more
  #url = "";
  #wrong = "";
  #isBroken = false;
  #since = { label: "", at: 0 };
  #times = []; // of the last frames, in ms
  #spoken = { text: "", at: 0 };

  async begin() {
    byId("needs-server").remove();
    try {
      this.#model = await readModel();
      this.#introduce();
      const opened = await this.#runner.open(this.#model, (part) => this.#loading(part));
      this.#wrong = showCheck(opened.golden);
      if (this.#wrong) this.#complain(this.#wrong);
      this.#rest();
    } catch (error) {
      this.#isBroken = true; // what still arrives of another file changes nothing
      this.#pill("gone", "Failed");
      this.#complain(error.message);
      return;
    }
    this.#listen();
  }

  #loading(part) {
    if (!this.#isBroken) this.#pill("connecting", part < 1 ? `Loading ${words.percent(part)}` : "Checking");
  }

  #introduce() {
    const { spec, file, runtime } = this.#model;
    const labels = shownLabels(spec);
    this.#hues = new Hues(labels);
    this.#bars = new Bars(byId("bars"), this.#hues, labels);
    if (labels.length <= 5) this.#bars.update(labels.map((label) => ({ label, score: 0 })));
    this.#bars.clear();
    say(byId("title"), spec.name);
    document.title = spec.name;
    say(byId("model"), `${file} on ${runtime}`);
    showAbout(this.#model);
  }

  #listen() {
    byId("camera").disabled = byId("photo-file").disabled = false;
    byId("camera").addEventListener("click", () => (this.#camera.isOn ? this.#stop() : this.#start()));
    byId("cameras").addEventListener("change", ({ target }) => this.#start(target.value));
    addEventListener("keydown", ({ key }) => key === "Escape" && this.#camera.isOn && this.#stop());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#camera.isOn && this.#listCameras());
    takePhotos(byId("photo-file"), byId("stage"), (file) => this.#photo(file));
  }

  // --- the camera

  async #start(deviceId = "") {
    const asked = ++this.#asked;
    this.#fail("");
    this.#empty("Starting the camera", "The browser may ask whether this page may use it.");
    show(byId("photo"), false);
    try {
      await this.#camera.start(deviceId);
    } catch (error) {
      if (asked === this.#asked) this.#end(error.message);
      return;
    }
    if (asked !== this.#asked) return this.#camera.stop();
    this.#times = [];
    this.#ratio(byId("video").videoWidth, byId("video").videoHeight);
    show(byId("video"), true);
    show(byId("veil"), false);
    byId("stage").dataset.view = "live";
    say(byId("camera"), "Stop the camera");
    this.#pill("ready", "Live");
    await this.#listCameras();
  }

  #stop() {
    this.#asked += 1;
    this.#camera.stop();
    this.#empty("Show it something", "Start the camera, or drop, paste or choose a photo.");
    this.#noCamera();
  }

  #end(reason) {
    this.#empty("No camera", reason);
    this.#noCamera();
    byId("camera").focus();
  }

  #noCamera() {
    say(byId("camera"), "Start the camera");
    for (const id of ["video", "cameras"]) show(byId(id), false);
    this.#rest();
  }

  async #listCameras() {
    const cameras = await this.#camera.list();
    const options = cameras.map(({ id, name, isChosen }) => Object.assign(make("option", "", name), { value: id, selected: isChosen }));
    byId("cameras").replaceChildren(...options);
    show(byId("cameras"), cameras.length > 1);
  }

  async #frame(bitmap) {
    const asked = this.#asked;
    const result = await this.#runner.frame(bitmap);
    if (asked !== this.#asked) return;
    const now = performance.now();
    this.#times = [...this.#times.slice(-20), now];
    const rate = (1000 * (this.#times.length - 1)) / (now - this.#times[0]);
    say(byId("rate"), Number.isFinite(rate) ? `${rate.toFixed(1)}\u202ffps` : "–");
    if (result.label !== this.#since.label) this.#since = { label: result.label, at: now };
    const heldS = (now - this.#since.at) / 1000;
    this.#show(result, heldS < 1 ? "just now" : `for ${words.duration(heldS)}`);
  }

  // --- a photo

  async #photo(file) {
    const asked = ++this.#asked;
    this.#camera.stop();
    this.#noCamera();
    this.#fail("");
    this.#since = { label: "", at: 0 };
    this.#preview(file);
    byId("stage").classList.add("busy");
    try {
      const result = await this.#runner.photo(file);
      if (asked !== this.#asked) return;
      say(byId("rate"), "–");
      this.#show(result, words.shortened(file.name, 40));
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#empty("No picture", error.message);
      this.#fail(`${words.shortened(file.name, 40)}: ${error.message}`);
    } finally {
      if (asked === this.#asked) byId("stage").classList.remove("busy");
    }
  }

  #preview(file) {
    const image = byId("photo");
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = URL.createObjectURL(file);
    image.onload = () => this.#ratio(image.naturalWidth, image.naturalHeight);
    image.src = this.#url;
    image.alt = file.name;
    show(image, true);
    show(byId("veil"), false);
    byId("stage").dataset.view = "live";
  }

  // --- what is shown

  #show({ label, score, isUnknown, top, preprocessMs, inferenceMs, input }, what) {
    const name = isUnknown ? "Unknown" : label;
    this.#name(name, isUnknown ? "unknown" : "known");
    say(byId("score"), isUnknown ? "" : words.percent(score));
    if (!isUnknown) this.#hues.paint(byId("verdict"), label);
    const threshold = words.percent(this.#model.spec.unknown_threshold);
    const guess = `, best guess ${words.shortened(top[0].label, 40)}, below ${threshold}`;
    say(byId("held"), isUnknown ? what + guess : what);
    this.#bars.update(top);
    say(byId("resize"), words.milliseconds(preprocessMs));
    say(byId("inference"), words.milliseconds(inferenceMs));
    say(byId("caption"), name);
    if (byId("about").open) showInput(input, this.#model.spec.preprocessing);
    document.title = `${words.shortened(name, 40)} · ${this.#model.spec.name}`;
    this.#speak(name);
  }

  #name(text, kind) {
    const label = byId("label");
    byId("verdict").dataset.kind = kind;
    say(label, text);
    label.title = text;
    label.dataset.length = text.length > 40 ? "long" : text.length > 14 ? "medium" : "short";
  }

  /** There is no picture, and why. */
  #empty(title, reason) {
    show(byId("photo"), false);
    byId("stage").classList.remove("busy");
    byId("stage").dataset.view = "waiting";
    say(byId("veil-title"), title);
    say(byId("veil-reason"), reason);
    show(byId("veil"), true);
    this.#name("–", "none");
    for (const id of ["score", "caption"]) say(byId(id), "");
    for (const id of ["rate", "resize", "inference"]) say(byId(id), "–");
    say(byId("held"), "No picture");
    this.#bars?.clear();
    document.title = this.#model.spec.name;
    this.#speak(title);
  }

  #rest() {
    this.#pill(this.#wrong ? "degraded" : "ready", this.#wrong ? "Check failed" : "Ready");
  }

  #pill(state, text) {
    byId("pill").dataset.state = this.#wrong && state === "ready" ? "degraded" : state;
    say(byId("pill-text"), text);
  }

  #ratio(width, height) {
    if (width && height) document.documentElement.style.setProperty("--ratio", width / height);
  }

  #complain(reason) {
    byId("reasons").replaceChildren(makeForeign("li", "", reason));
    show(byId("reasons"), true);
  }

  #fail(message) {
    say(byId("trouble"), message);
    show(byId("trouble"), message !== "");
  }

  #speak(text) {
    if (text === this.#spoken.text || Date.now() - this.#spoken.at < SPEAK_MS) return;
    this.#spoken = { text, at: Date.now() };
    say(byId("spoken"), text);
  }
}

new Page().begin();
