// The camera: frames one at a time, as fast as they are taken.

const IDEAL = { width: { ideal: 640 }, height: { ideal: 480 } };

const REASONS = {
  NotAllowedError: "The camera is not allowed. Allow it beside the address of this page, then start it again.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera does not start. Another program may be using it.",
  OverconstrainedError: "That camera is gone. Choose another one.",
};
const NOT_SECURE = "Browsers give the camera only to pages on https:// or localhost. Open this page there, or use a photo.";

export class Camera {
  #video;
  #stream = null;
  #onFrame;
  #onEnd;

  /** `onFrame` takes a bitmap and returns a promise; the next frame waits for it. */
  constructor(video, { onFrame, onEnd }) {
    this.#video = video;
    this.#onFrame = onFrame;
    this.#onEnd = onEnd;
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** Start a camera, by its id or whichever the browser prefers; fails with a reason in words. */
  async start(deviceId = "") {
    this.stop();
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(NOT_SECURE);
    const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: { ideal: "environment" } };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: { ...IDEAL, ...which }, audio: false });
      this.#video.srcObject = this.#stream;
      await this.#video.play();
    } catch (error) {
      this.stop();
      throw new Error(REASONS[error.name] ?? `The camera does not start: ${error.message}`);
    }
    const stream = this.#stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => {
      if (stream === this.#stream) this.#end("The camera was unplugged or taken away.");
    });
    this.#follow(stream);
  }

  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
  }

  /** The cameras there are: [{id, name, isChosen}]; their names are known once one was allowed. */
  async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    const chosen = this.#stream?.getVideoTracks()[0].getSettings().deviceId;
    return devices
      .filter(({ kind }) => kind === "videoinput")
      .map(({ deviceId, label }, place) => ({
        id: deviceId,
        name: label || `Camera ${place + 1}`,
        isChosen: deviceId === chosen,
      }));
  }

  async #follow(stream) {
    while (stream === this.#stream) {
      await this.#nextFrame();
      if (stream !== this.#stream) return;
      try {
        await this.#onFrame(await createImageBitmap(this.#video));
      } catch (error) {
        if (stream === this.#stream) this.#end(error.message);
      }
    }
  }

  #nextFrame() {
    const video = this.#video;
    return new Promise((resolve) => {
      if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(resolve);
      else requestAnimationFrame(resolve);
      setTimeout(resolve, 2000); // a camera that was stopped calls nobody
    });
  }

  #end(reason) {
    this.stop();
    this.#onEnd(reason);
  }
}
