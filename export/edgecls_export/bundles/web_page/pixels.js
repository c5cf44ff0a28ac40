// From a picture of any size to the model's input: the same bytes as edgecls_device/preprocessing.py.
//
// Bilinear is OpenCV's INTER_LINEAR_EXACT for 8 bits: weights of 8 fractional bits, rows kept as 8.8 fixed
// point, rounded once at the end (modules/imgproc/src/resize.cpp, fixedpoint.inl.hpp).

const PAD_VALUE = 127;

/** Python's round: a half goes to the even number. */
const roundHalfEven = (value) => {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
};

const atLeastOne = (value, most) => Math.min(Math.max(roundHalfEven(value), 1), most);

/** Decide how a picture becomes the input size; sizes are [height, width] in pixels. */
export const plan = (height, width, rule) => {
  const target = [rule.height, rule.width];
  let box = [height, width];
  let size = target;
  if (rule.resize === "crop") {
    const scale = Math.min(height / target[0], width / target[1]) * rule.crop_fraction;
    box = [atLeastOne(target[0] * scale, height), atLeastOne(target[1] * scale, width)];
  } else if (rule.resize === "letterbox") {
    const scale = Math.min(target[0] / height, target[1] / width);
    size = [atLeastOne(height * scale, target[0]), atLeastOne(width * scale, target[1])];
  }
  let halvings = 0;
  if (rule.interpolation === "bilinear") {
    const factor = Math.min(Math.floor(box[0] / size[0]), Math.floor(box[1] / size[1]));
    halvings = 31 - Math.clz32(Math.max(factor, 1));
    box = box.map((side) => (side >> halvings) << halvings);
  }
  return {
    top: (height - box[0]) >> 1,
    left: (width - box[1]) >> 1,
    box,
    halvings,
    size,
    padTop: (target[0] - size[0]) >> 1,
    padLeft: (target[1] - size[1]) >> 1,
  };
};

/** Return the model's input, RGB, of a picture {pixels, height, width} whose pixels are RGBA. */
export const resize = (picture, rule) => {
  const steps = plan(picture.height, picture.width, rule);
  let image = cut(picture, steps);
  for (let i = 0; i < steps.halvings; i++) image = halved(image);
  image = rule.interpolation === "nearest" ? nearest(image, steps.size) : bilinear(image, steps.size);
  return steps.size[0] === rule.height && steps.size[1] === rule.width ? image.pixels : padded(image, steps, rule);
};

/** The box of the plan, without alpha. */
const cut = ({ pixels, width }, { top, left, box }) => {
  const out = new Uint8Array(box[0] * box[1] * 3);
  let to = 0;
  for (let y = 0; y < box[0]; y++) {
    let from = 4 * ((top + y) * width + left);
    for (let x = 0; x < box[1]; x++) {
      out[to] = pixels[from];
      out[to + 1] = pixels[from + 1];
      out[to + 2] = pixels[from + 2];
      to += 3;
      from += 4;
    }
  }
  return { pixels: out, height: box[0], width: box[1] };
};

/** Each pixel the mean of four, a half rounded up. */
const halved = ({ pixels, height, width }) => {
  const [rows, columns] = [height >> 1, width >> 1];
  const out = new Uint8Array(rows * columns * 3);
  const stride = 3 * width;
  let to = 0;
  for (let y = 0; y < rows; y++) {
    let from = 2 * y * stride;
    for (let x = 0; x < columns; x++) {
      for (let c = 0; c < 3; c++) {
        const sum = pixels[from + c] + pixels[from + 3 + c] + pixels[from + stride + c] + pixels[from + stride + 3 + c];
        out[to++] = (sum + 2) >> 2;
      }
      from += 6;
    }
  }
  return { pixels: out, height: rows, width: columns };
};

/** For each place of one side: the two source places, and the weight of the second in 1/256. */
const weights = (from, to) => {
  const scale = 1 / (to / from); // in this order, as OpenCV computes it
  return Array.from({ length: to }, (_, place) => {
    const position = scale * (place + 0.5) - 0.5;
    const first = Math.floor(position);
    if (first < 0 || from === 1) return [0, 0, 0];
    if (first >= from - 1) return [from - 1, from - 1, 0];
    return [first, first + 1, roundHalfEven((position - first) * 256)];
  });
};

const bilinear = (image, [rows, columns]) => {
  const { pixels, height, width } = image;
  const across = weights(width, columns);
  const out = new Uint8Array(rows * columns * 3);
  const lines = new Map(); // source rows already brought to the new width, at most two
  const line = (y) => {
    if (!lines.has(y)) lines.set(y, stretched(pixels.subarray(3 * y * width, 3 * (y + 1) * width), across));
    return lines.get(y);
  };
  weights(height, rows).forEach(([above, below, weight], y) => {
    for (const known of lines.keys()) if (known < above) lines.delete(known);
    const [upper, lower] = [line(above), line(below)];
    const start = 3 * y * columns;
    for (let i = 0; i < upper.length; i++) {
      out[start + i] = (upper[i] * (256 - weight) + lower[i] * weight + 32768) >> 16;
    }
  });
  return { pixels: out, height: rows, width: columns };
};

/** One row at the new width, in 1/256. */
const stretched = (row, across) => {
  const out = new Uint16Array(3 * across.length);
  across.forEach(([first, second, weight], x) => {
    for (let c = 0; c < 3; c++) out[3 * x + c] = row[3 * first + c] * (256 - weight) + row[3 * second + c] * weight;
  });
  return out;
};

const nearest = ({ pixels, height, width }, [rows, columns]) => {
  const places = (from, to) => {
    const scale = 1 / (to / from);
    return Array.from({ length: to }, (_, place) => Math.min(Math.floor(place * scale), from - 1));
  };
  const across = places(width, columns);
  const out = new Uint8Array(rows * columns * 3);
  let to = 0;
  for (const y of places(height, rows)) {
    for (const x of across) {
      const from = 3 * (y * width + x);
      out[to++] = pixels[from];
      out[to++] = pixels[from + 1];
      out[to++] = pixels[from + 2];
    }
  }
  return { pixels: out, height: rows, width: columns };
};

const padded = ({ pixels, height, width }, { padTop, padLeft }, rule) => {
  const out = new Uint8Array(rule.height * rule.width * 3).fill(PAD_VALUE);
  for (let y = 0; y < height; y++) {
    out.set(pixels.subarray(3 * y * width, 3 * (y + 1) * width), 3 * ((padTop + y) * rule.width + padLeft));
  }
  return out;
};
