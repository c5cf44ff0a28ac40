// From a photo file to upright RGBA pixels. EXIF's orientation is read here and hidden from the browser, since
// browsers differ in which formats they honour it in; edgecls_device/exif.py says what it means.

const ORIENTATION_TAG = 0x0112;

const text = (bytes, start, length) => String.fromCharCode(...bytes.subarray(start, start + length));
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const isPng = (bytes) => text(bytes, 0, 4) === "\x89PNG";
const isWebp = (bytes) => text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 4) === "WEBP";
const isJpeg = (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8;

/** Yield {name, start, length, end} of each part of a PNG, WebP or JPEG file; end is behind its checksum. */
const parts = function* (bytes) {
  const view = viewOf(bytes);
  if (isPng(bytes)) {
    for (let at = 8; at + 8 <= bytes.length; ) {
      const length = view.getUint32(at);
      yield { name: text(bytes, at + 4, 4), start: at + 8, length, end: at + 12 + length };
      at += 12 + length;
    }
  } else if (isWebp(bytes)) {
    for (let at = 12; at + 8 <= bytes.length; ) {
      const length = view.getUint32(at + 4, true);
      yield { name: text(bytes, at, 4), start: at + 8, length, end: at + 8 + length };
      at += 8 + length + (length % 2);
    }
  } else if (isJpeg(bytes)) {
    for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda; ) {
      const isFill = bytes[at + 1] === 0xff;
      const length = isFill ? 0 : view.getUint16(at + 2);
      const isExif = bytes[at + 1] === 0xe1 && text(bytes, at + 4, 6) === "Exif\0\0";
      if (isExif) yield { name: "EXIF", start: at + 4, length: length - 2, end: at + 2 + length };
      at += isFill ? 1 : 2 + length;
    }
  }
};

/** The orientation 1..8 and the place of its number; null if the file says none. */
const find = (bytes) => {
  for (const part of parts(bytes)) {
    if (part.name !== "eXIf" && part.name !== "EXIF") continue;
    const skipped = text(bytes, part.start, 6) === "Exif\0\0" ? 6 : 0;
    const found = inTiff(bytes.subarray(part.start + skipped, part.start + part.length));
    return found && { ...found, place: part.start + skipped + found.place, part };
  }
  return null;
};

const inTiff = (tiff) => {
  const order = text(tiff, 0, 2);
  if ((order !== "II" && order !== "MM") || tiff.length < 14) return null;
  const [view, isLittle] = [viewOf(tiff), order === "II"];
  const start = view.getUint32(4, isLittle);
  if (start + 2 > tiff.length) return null;
  const end = Math.min(start + 2 + 12 * view.getUint16(start, isLittle), tiff.length - 11);
  for (let entry = start + 2; entry < end; entry += 12) {
    if (view.getUint16(entry, isLittle) !== ORIENTATION_TAG) continue;
    const value = view.getUint16(entry + 8, isLittle);
    return { value: value >= 1 && value <= 8 ? value : 1, place: entry + 8, isLittle };
  }
  return null;
};

export const orientation = (bytes) => find(bytes)?.value ?? 1;

/** The same photo with nothing said about orientation. In a PNG the part has a checksum, so all of it goes. */
const withoutOrientation = (bytes) => {
  const found = find(bytes);
  if (!found) return bytes;
  if (isPng(bytes)) return new Blob([bytes.subarray(0, found.part.start - 8), bytes.subarray(found.part.end)]);
  const copy = bytes.slice();
  viewOf(copy).setUint16(found.place, 1, found.isLittle);
  return copy;
};

/** Turn a picture {pixels, height, width} of RGBA as the camera held it. */
export const turned = (picture, value) => {
  if (value === 1) return picture;
  const from = new Uint32Array(picture.pixels.buffer, picture.pixels.byteOffset, picture.width * picture.height);
  const isTransposed = value >= 5;
  const [height, width] = isTransposed ? [picture.width, picture.height] : [picture.height, picture.width];
  const isMirrored = [2, 3, 6, 7].includes(value);
  const isFlipped = [3, 4, 7, 8].includes(value);
  const out = new Uint32Array(from.length);
  for (let y = 0; y < height; y++) {
    const row = isFlipped ? height - 1 - y : y;
    for (let x = 0; x < width; x++) {
      const column = isMirrored ? width - 1 - x : x;
      out[y * width + x] = from[isTransposed ? column * picture.width + row : row * picture.width + column];
    }
  }
  return { pixels: new Uint8ClampedArray(out.buffer), height, width };
};

/** Browsers paint the missing part of a cut-off photo grey; say so instead. */
const reasonToRefuse = (bytes) => {
  if (!bytes.length) return "The file is empty.";
  if (isJpeg(bytes) && lastMarker(bytes, 0xd9) < lastMarker(bytes, 0xda)) return "This JPEG is cut off.";
  if (isPng(bytes) && ![...parts(bytes)].some(({ name }) => name === "IEND")) return "This PNG is cut off.";
  if (isWebp(bytes) && bytes.length < viewOf(bytes).getUint32(4, true) + 8) return "This WebP is cut off.";
  return "";
};

const lastMarker = (bytes, code) => {
  for (let at = bytes.length - 2; at >= 0; at--) if (bytes[at] === 0xff && bytes[at + 1] === code) return at;
  return -1;
};

/** Draw a bitmap or video frame on white paper and return {pixels, height, width}, RGBA. */
export const pixelsOf = (bitmap) => {
  const { width, height } = bitmap;
  const context = canvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  return { pixels: context.getImageData(0, 0, width, height).data, height, width };
};

let kept = null; // a camera's frames have one size

const canvas = (width, height) => {
  if (kept?.width !== width || kept?.height !== height) kept = new OffscreenCanvas(width, height);
  return kept;
};

/** Decode a photo file upright, its colours as they are stored. */
export const decode = async (bytes) => {
  const refusal = reasonToRefuse(bytes);
  if (refusal) throw new Error(refusal);
  let bitmap;
  try {
    const blob = new Blob([withoutOrientation(bytes)]);
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "default" });
  } catch {
    throw new Error("This browser cannot decode the file as a picture.");
  }
  try {
    return turned(pixelsOf(bitmap), orientation(bytes));
  } finally {
    bitmap.close();
  }
};
