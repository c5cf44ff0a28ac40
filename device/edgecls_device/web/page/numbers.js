// How the run is: the state in words, meters, counters and outputs.
import { byId, make, makeForeign, say, show } from "./elements.js";
import * as words from "./words.js";

const STATES = {
  connecting: "Connecting",
  starting: "Starting",
  ready: "Live",
  degraded: "Degraded",
  source_lost: "Source lost",
  stopping: "Stopping",
  gone: "Connection lost",
};

const REASONS = {
  superseded: "superseded by a newer one",
  corrupt: "corrupt",
  unread: "never read",
  lost_in_capture: "lost in capture",
  skipped: "skipped (every N-th is looked at)",
  not_a_picture: "not a picture",
  invalid: "no valid scores",
};

const OLD_MS = 500;
const VERY_OLD_MS = 2000;

/** Show the state, and what is wrong in words. */
export const showState = (state, reasons) => {
  byId("pill").dataset.state = state;
  say(byId("pill-text"), STATES[state] ?? words.plain(state));
  const list = byId("reasons");
  show(list, reasons.length > 0);
  if (reasons.join("\n") === list.dataset.key) return;
  list.dataset.key = reasons.join("\n");
  list.replaceChildren(...reasons.map((reason) => makeForeign("li", "", reason)));
};

export const stateInWords = (state) => STATES[state] ?? words.plain(state);

export const showAge = (ms) => {
  const field = byId("age");
  say(field, ms === null ? "–" : words.age(ms));
  field.dataset.age = ms > VERY_OLD_MS ? "very-old" : ms > OLD_MS ? "old" : "fresh";
};

export const showRates = (result) => {
  say(byId("rate"), `${result.frames_per_second.toFixed(1)}\u202ffps`);
  say(byId("inference"), result.is_still ? "none, still" : words.milliseconds(result.inference_ms));
};

export const clearRates = () => {
  say(byId("rate"), "–");
  say(byId("inference"), "–");
};

/** Show the counters of a status. */
export const showNumbers = (status) => {
  const dropped = Object.entries(status.dropped ?? {});
  const lost = dropped.reduce((sum, [, value]) => sum + value, 0);
  const failing = (status.sinks ?? []).filter((sink) => sink.is_failing);
  const summary = [words.counted(status.captured, "frame"), `${words.count(lost)} dropped`];
  if (failing.length) summary.push(`${failing.map((sink) => sink.name).join(", ")} failing`);
  say(byId("numbers-summary"), summary.join(" · "));
  byId("numbers-summary").classList.toggle("trouble", failing.length > 0);
  say(byId("events-count"), `${words.counted(status.events, "event")} in ${words.duration(status.uptime_s)}`);
  if (!byId("numbers").open) return;
  byId("frames").replaceChildren(...rows(status, dropped));
  show(byId("outputs-title"), status.sinks.length > 0);
  byId("outputs").replaceChildren(...status.sinks.map(output));
};

const rows = (status, dropped) => {
  const facts = [
    ["Captured", words.count(status.captured)],
    ["With a result", words.count(status.results)],
    ["of these still, without inference", words.count(status.still), "sub"],
    ...dropped.map(([name, value]) => [`Dropped: ${REASONS[name] ?? words.plain(name)}`, words.count(value)]),
    ["Frame age, median", words.milliseconds(status.age_p50_ms)],
    ["Frame age, 99th percentile", words.milliseconds(status.age_p99_ms)],
    ["Resize and inference, median", words.milliseconds(status.classify_p50_ms)],
    ["Source opened again", words.count(status.source_status.reconnects)],
    ["Events", words.count(status.events)],
    ["Running for", words.duration(status.uptime_s)],
  ];
  return facts.map(([name, value, kind]) => {
    const row = make("div", kind);
    row.append(make("dt", "", name), make("dd", "number", value));
    return row;
  });
};

const output = (sink) => {
  const item = make("li", sink.is_failing ? "failing" : "");
  const facts = ["written", "waiting", "dropped", "failed"]
    .filter((name) => name === "written" || sink[name] > 0)
    .map((name) => `${words.count(sink[name])} ${name}`);
  item.append(
    make("strong", "", sink.name),
    make("span", "number", facts.join(" · ")),
    ...(sink.last_error ? [makeForeign("p", "", sink.is_failing ? sink.last_error : `Before: ${sink.last_error}`)] : []),
  );
  return item;
};
