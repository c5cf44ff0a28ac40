// What the model's spec says, in words.
import { byId, make, makeForeign, say, show } from "./elements.js";
import { shownLabels } from "./scores.js";
import * as words from "./words.js";

const NARROW = "\u202f";
const RULES = { crop: "cropped", stretch: "stretched", letterbox: "letterboxed" };

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)}${NARROW}MB`;

export const showAbout = ({ spec, file, file_bytes: size, file_sha256: sha256, runtime, runtime_bytes: runtimeSize }) => {
  const { height, width, resize, interpolation } = spec.preprocessing;
  const labels = shownLabels(spec);
  const facts = [
    [spec.groups.length ? "Groups" : "Labels", words.shortened(labels.join(", "), 120)],
    ...(spec.groups.length ? [["Classes below them", words.count(spec.labels.length)]] : []),
    ["Input", `${width} × ${height} pixels, ${RULES[resize]}, ${interpolation}`],
    ["Unknown below", spec.unknown_threshold ? words.percent(spec.unknown_threshold) : "never"],
    ["Temperature", spec.temperature.toFixed(2)],
    ...(spec.provenance.backbone ? [["Backbone", spec.provenance.backbone]] : []),
    ["Model file", `${file}, ${megabytes(size)}`],
    ["SHA-256", sha256.slice(0, 12)],
    ["Runtime", `${runtime}, ${megabytes(runtimeSize)}`],
  ];
  byId("facts").replaceChildren(...facts.map(([name, value]) => row(name, value)));
  say(byId("about-summary"), words.counted(labels.length, spec.groups.length ? "group" : "label"));
};

/** How the golden samples went; returns what is wrong, in words, or nothing. */
export const showCheck = ({ samples, sameBest, worstError, tolerance, isPassed }) => {
  const place = byId("check");
  if (!samples) {
    say(place, "The model carries no golden samples, so nothing says that this browser computes it rightly.");
    return "";
  }
  place.dataset.state = isPassed ? "good" : "bad";
  const scores = `Scores differ by at most ${brief(worstError)}; ${brief(tolerance)} is allowed.`;
  say(place, `${sameBest} of ${samples} golden samples give the label they must. ${scores}`);
  return isPassed ? "" : "This browser does not compute what the model's makers computed. Do not trust its answers.";
};

/** The pixels that the model was given, RGB. */
export const showInput = (input, { height, width }) => {
  const canvas = byId("input");
  const rgba = new ImageData(width, height);
  for (let from = 0, to = 0; from < input.length; from += 3, to += 4) {
    rgba.data.set([input[from], input[from + 1], input[from + 2], 255], to);
  }
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(rgba, 0, 0);
  show(byId("seen"), true);
};

const brief = (value) => (value === 0 ? "0" : value < 1e-4 ? value.toExponential(0) : String(Number(value.toPrecision(2))));

const row = (name, value) => {
  const element = make("div");
  element.append(make("dt", "", name), makeForeign("dd", "number", value));
  return element;
};
