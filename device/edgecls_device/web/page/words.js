// Numbers and times as people read them. U+202F, a narrow space that does not break, stands before units.
const NARROW = "\u202f";

/** A score; 100 % is said only of what is 100 % to a tenth. */
export const percent = (score) => {
  const value = Math.round(100 * score);
  return `${value === 100 && score < 0.9995 ? 99 : value}${NARROW}%`;
};

export const milliseconds = (value) => `${value.toFixed(value < 9.95 ? 1 : 0)}${NARROW}ms`;

/** An age that may grow: 41 ms, 2.4 s, 3 min. */
export const age = (ms) => (ms < 1000 ? `${ms.toFixed(0)}${NARROW}ms` : duration(ms / 1000, 1));

export const duration = (seconds, digits = 0) => {
  const s = Math.max(seconds, 0);
  if (s < 9.95 && digits) return `${s.toFixed(digits)}${NARROW}s`;
  if (s < 59.5) return `${s.toFixed(0)}${NARROW}s`;
  if (s < 3570) return `${Math.round(s / 60)}${NARROW}min`;
  if (s < 86400) return `${Math.floor(s / 3600)}${NARROW}h ${Math.round((s % 3600) / 60) % 60}${NARROW}min`;
  return `${Math.floor(s / 86400)}${NARROW}d ${Math.floor((s % 86400) / 3600)}${NARROW}h`;
};

/** A time of day; of another day than today's with its date. */
export const clock = (epoch) => {
  const moment = new Date(1000 * epoch);
  const time = moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  if (moment.toDateString() === new Date().toDateString()) return time;
  return `${moment.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
};

const grouped = new Intl.NumberFormat("en-US");
export const count = (value) => grouped.format(value);

/** "1 frame", "2 frames". */
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** A counter's name in words: ``lost_in_capture`` is "lost in capture". */
export const plain = (name) => name.replaceAll("_", " ");

/** What a long name begins with, for places that have one line. */
export const shortened = (text, length = 60) =>
  [...text].length > length ? [...text].slice(0, length - 1).join("") + "…" : text;
