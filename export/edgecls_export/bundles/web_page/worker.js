// The model in a thread of its own, so that the page stays smooth. It fetches nothing: the page hands it the bytes.
import * as ort from "../runtime/ort.js";
import { goldenInput } from "./golden.js";
import { resize } from "./pixels.js";
import { decide } from "./scores.js";
import { decode, pixelsOf } from "./upright.js";

let session = null;
let spec = null;

/** Start the runtime and load the model; several threads only where the server isolates the page (COOP, COEP). */
const open = async ({ runtime, model, spec: wanted }) => {
  const started = performance.now();
  spec = wanted;
  ort.env.wasm.wasmBinary = runtime;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 4) : 1;
  session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"] });
  const golden = await verify();
  return { golden, threads: ort.env.wasm.numThreads, openMs: performance.now() - started };
};

const run = async (input) => {
  const { height, width } = spec.preprocessing;
  const tensor = new ort.Tensor("uint8", input, [1, height, width, 3]);
  const outputs = await session.run({ [session.inputNames[0]]: tensor });
  const output = outputs[session.outputNames[0]].data;
  if (!output.every(Number.isFinite)) throw new Error("The model gave scores that are not numbers.");
  return output;
};

/** Run the golden samples: how far is this browser from the machine that made the model? */
const verify = async () => {
  const { seed, scores, tolerance } = spec.golden;
  let [worstError, sameBest] = [0, 0];
  for (const [index, wanted] of scores.entries()) {
    const { height, width } = spec.preprocessing;
    const got = await run(goldenInput(seed, index, height, width));
    wanted.forEach((score, place) => (worstError = Math.max(worstError, Math.abs(score - got[place]))));
    sameBest += best(got) === best(wanted);
  }
  return { samples: scores.length, sameBest, worstError, tolerance, isPassed: worstError <= tolerance };
};

const best = (scores) => scores.reduce((found, score, place) => (score > scores[found] ? place : found), 0);

/** Classify a photo file's bytes or a bitmap. */
const classify = async ({ bytes, bitmap }) => {
  const picture = bytes ? await decode(new Uint8Array(bytes)) : pixelsOf(bitmap);
  bitmap?.close();
  const started = performance.now();
  const input = resize(picture, spec.preprocessing);
  const ready = performance.now();
  const output = await run(input);
  const inferenceMs = performance.now() - ready;
  return { ...decide(output, spec), output, input, preprocessMs: ready - started, inferenceMs };
};

const tasks = { open, classify };
let last = Promise.resolve(); // one after the other: the runtime does not take two at once

self.onmessage = ({ data: { id, task, ...rest } }) => {
  last = last.then(async () => {
    try {
      self.postMessage({ id, result: await tasks[task](rest) });
    } catch (error) {
      self.postMessage({ id, error: error?.message ?? String(error) });
    }
  });
};
