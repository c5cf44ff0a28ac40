// From the model's output to labels: temperature, groups, unknown. As edgecls_device/postprocessing.py.

const LEAST_PROBABILITY = Math.fround(1e-6);
const MOST_SHOWN = 10;

const softmax = (logits) => {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Array.from(logits, (value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
};

const softened = (scores, temperature) =>
  temperature === 1
    ? scores
    : softmax(Array.from(scores, (score) => Math.log(Math.max(score, LEAST_PROBABILITY)) / temperature));

/** One score for each group: the mass of all groups, shared in proportion to the best class of each. */
const grouped = (scores, groups) => {
  const best = groups.map(({ members }) => Math.max(...members.map((member) => scores[member])));
  const mass = groups.flatMap(({ members }) => members).reduce((sum, member) => sum + scores[member], 0);
  const total = Math.max(best.reduce((a, b) => a + b, 0), 1e-30);
  return best.map((score) => (score / total) * mass);
};

export const shownLabels = (spec) => (spec.groups.length ? spec.groups.map(({ label }) => label) : spec.labels);

/** What the model's output means: {label, score, isUnknown, top, scores}; ties keep class order. */
export const decide = (output, spec) => {
  const softer = softened(output, spec.temperature);
  const scores = Float32Array.from(spec.groups.length ? grouped(softer, spec.groups) : softer);
  const top = shownLabels(spec)
    .map((label, place) => ({ label, score: scores[place] }))
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST_SHOWN);
  const isUnknown = top[0].score < spec.unknown_threshold;
  return { label: isUnknown ? "unknown" : top[0].label, score: top[0].score, isUnknown, top, scores };
};
