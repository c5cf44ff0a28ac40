// The picture, and what lies over it when it is not live.
import { byId, say, show } from "./elements.js";
import * as words from "./words.js";

const decode = async (blob) => {
  if (window.createImageBitmap) return createImageBitmap(blob);
  const image = new Image();
  const url = URL.createObjectURL(blob);
  try {
    image.src = url;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
};

export class Stage {
  #stage = byId("stage");
  #canvas = byId("picture");
  #context = byId("picture").getContext("2d", { alpha: false });
  pictures = 0;

  constructor() {
    // On a phone the picture stays while the rest scrolls; once the decision is gone, the picture says it.
    const look = () => {
      const bottom = this.#stage.getBoundingClientRect().bottom;
      show(byId("caption"), byId("verdict").getBoundingClientRect().bottom < bottom);
    };
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
  }

  /** Draw one JPEG; fails if it is none. */
  async draw(blob) {
    const picture = await decode(blob);
    const { width, height } = picture;
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      document.documentElement.style.setProperty("--ratio", width / height);
    }
    this.#context.drawImage(picture, 0, 0);
    picture.close?.();
    this.pictures += 1;
  }

  /** Say what the picture is: {isLive, title, reason, ageMs}; an old one is never shown as if it were live. */
  show({ isLive, title = "", reason = "", ageMs = null }) {
    this.#stage.dataset.view = isLive ? "live" : this.pictures ? "old" : "waiting";
    show(byId("veil"), !isLive);
    say(byId("veil-title"), title);
    say(byId("veil-reason"), reason);
    const isOld = !isLive && this.pictures > 0 && ageMs !== null;
    say(byId("veil-age"), isOld ? `This picture is ${words.age(ageMs)} old.` : "");
  }

  badge({ isStill, isStale }) {
    show(byId("badge-still"), isStill);
    show(byId("badge-stale"), isStale);
    this.#stage.classList.toggle("frozen", isStale);
  }

  caption(text) {
    say(byId("caption"), text);
  }

  describe(text) {
    this.#canvas.setAttribute("aria-label", text);
  }
}
