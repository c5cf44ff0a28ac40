// Golden samples: inputs made from a seed, the same bytes as edgecls_device/golden.py makes.
// SHAKE-256 is that of FIPS 202; WebCrypto has none.

const RATE_BYTES = 136;
const MASK = (1n << 64n) - 1n;
const ROTATIONS = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

const rotated = (lane, by) => (by ? ((lane << BigInt(by)) | (lane >> BigInt(64 - by))) & MASK : lane);

/** The 24 round constants, from the shift register of section 3.2.5. */
const ROUND_CONSTANTS = (() => {
  let register = 1;
  const bit = () => {
    const out = register & 1;
    register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
    return out;
  };
  return Array.from({ length: 24 }, () => {
    let constant = 0n;
    for (let j = 0; j < 7; j++) if (bit()) constant |= 1n << BigInt(2 ** j - 1);
    return constant;
  });
})();

const permute = (state) => {
  for (const constant of ROUND_CONSTANTS) {
    const columns = [0, 1, 2, 3, 4].map((x) => state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]);
    const moved = new Array(25);
    for (let i = 0; i < 25; i++) {
      const [x, y] = [i % 5, Math.floor(i / 5)];
      const mixed = state[i] ^ columns[(x + 4) % 5] ^ rotated(columns[(x + 1) % 5], 1);
      moved[y + 5 * ((2 * x + 3 * y) % 5)] = rotated(mixed, ROTATIONS[i]);
    }
    for (let i = 0; i < 25; i++) {
      const row = 5 * Math.floor(i / 5);
      state[i] = moved[i] ^ (~moved[row + ((i + 1) % 5)] & MASK & moved[row + ((i + 2) % 5)]);
    }
    state[0] ^= constant;
  }
};

/** Return `length` bytes of SHAKE-256 over a message shorter than one block. */
export const shake256 = (message, length) => {
  const block = new Uint8Array(RATE_BYTES);
  block.set(message);
  block[message.length] = 0x1f;
  block[RATE_BYTES - 1] |= 0x80;
  const words = new DataView(block.buffer);
  const state = new Array(25).fill(0n);
  for (let i = 0; i < RATE_BYTES / 8; i++) state[i] = words.getBigUint64(8 * i, true);
  const out = new Uint8Array(Math.ceil(length / RATE_BYTES) * RATE_BYTES);
  const lanes = new DataView(out.buffer);
  for (let start = 0; start < length; start += RATE_BYTES) {
    permute(state);
    for (let i = 0; i < RATE_BYTES / 8; i++) lanes.setBigUint64(start + 8 * i, state[i], true);
  }
  return out.slice(0, length);
};

/** One picture, RGB: even ones are flat blocks, odd ones smooth gradients. */
export const goldenInput = (seed, index, height, width) => {
  const cells = 4 + 3 * Math.floor(index / 2);
  const name = new TextEncoder().encode(`edgecls golden ${seed} ${index}`);
  const grid = shake256(name, (cells + 1) ** 2 * 3);
  const at = (row, column, c) => grid[3 * (row * (cells + 1) + column) + c];
  const places = (length) => Array.from({ length }, (_, i) => Math.floor((i * cells * 256) / length));
  const [rows, columns] = [places(height), places(width)];
  const out = new Uint8Array(height * width * 3);
  let to = 0;
  for (const y of rows) {
    for (const x of columns) {
      const [top, left, down, right] = [y >> 8, x >> 8, y & 255, x & 255];
      for (let c = 0; c < 3; c++) {
        const above = at(top, left, c) * (256 - right) + at(top, left + 1, c) * right;
        const below = at(top + 1, left, c) * (256 - right) + at(top + 1, left + 1, c) * right;
        out[to++] = index % 2 === 0 ? at(top, left, c) : (above * (256 - down) + below * down) >> 16;
      }
    }
  }
  return out;
};
