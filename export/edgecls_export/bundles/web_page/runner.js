// The page's side of the model: fetches what it needs, and asks the worker.

const at = (path) => new URL(`../${path}`, import.meta.url);

/** Fetch a file, telling how many bytes came; a server's error page is never taken for the file. */
const fetched = async (path, advance = () => {}) => {
  let answer;
  try {
    answer = await fetch(at(path));
  } catch {
    throw new Error(`Could not fetch ${path}: the server does not answer.`);
  }
  if (!answer.ok) throw new Error(`Could not fetch ${path}: the server answered ${answer.status}.`);
  const blocks = [];
  const reader = answer.body.getReader();
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      blocks.push(value);
      advance(value.length);
    }
  } catch {
    throw new Error(`Could not fetch ${path}: the connection broke. Load the page again.`);
  }
  return new Blob(blocks);
};

export const readModel = async () => JSON.parse(await (await fetched("edgecls.json")).text());

export class Runner {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #count = 0;
  #failure = null; // of the thread itself, which nothing can be asked after

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(result);
    };
    this.#worker.onerror = (event) => {
      const reason = event.message || "a file of it is missing, or this browser is too old";
      this.#failure = new Error(`The model's thread failed: ${reason}.`);
      for (const { reject } of this.#waiting.values()) reject(this.#failure);
      this.#waiting.clear();
    };
  }

  /** Fetch the runtime and the model, load them and run the golden samples; `advance` is told the part 0..1. */
  async open(model, advance = () => {}) {
    const total = model.runtime_bytes + model.file_bytes;
    let received = 0;
    const add = (bytes) => advance(Math.min((received += bytes) / total, 1));
    const files = await Promise.all([fetched("runtime/ort.wasm", add), fetched(`model/${model.file}`, add)]);
    const [runtime, bytes] = await Promise.all(files.map((file) => file.arrayBuffer()));
    return this.#ask({ task: "open", runtime, model: bytes, spec: model.spec }, [runtime, bytes]);
  }

  /** Classify a photo file. */
  async photo(file) {
    const bytes = await file.arrayBuffer();
    return this.#ask({ task: "classify", bytes }, [bytes]);
  }

  /** Classify a bitmap, which is gone afterwards. */
  frame(bitmap) {
    return this.#ask({ task: "classify", bitmap }, [bitmap]);
  }

  #ask(message, moved) {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#count;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#worker.postMessage({ id, ...message }, moved);
    return answer;
  }
}
