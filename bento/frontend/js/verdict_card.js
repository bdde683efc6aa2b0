// The verdict card: verdict, probability, uncertainty and caveats.

import { card, element } from "./dom.js";
import { REASONS, VERDICTS, formatRange, formatScore, shareOfFakes } from "./format.js";

const REAL_NOT_PROVEN =
  "This does not prove that the video is genuine: a type of forgery unknown to the detector can " +
  "score equally low.";
const DISCLAIMER =
  "This is not a verdict on a person. Before any decision, have a person review the evidence, " +
  "and let the person concerned respond.";

export function verdictCard(job) {
  const report = job.result;
  const { label, sign, summary } = VERDICTS[report.verdict];
  const badge = element(
    "p",
    { class: `badge ${report.verdict}` },
    element("span", { class: "sign", "aria-hidden": "true" }, sign),
    element("span", {}, label),
  );
  const node = card(
    "Verdict",
    "verdict",
    element(
      "div",
      { class: "verdict-text" },
      badge,
      element("p", { class: "summary" }, summary),
      ...explanation(report),
    ),
    element(
      "div",
      { class: "verdict-scores" },
      ...scores(report),
    ),
    ...caveats(report.notes),
    element("p", { class: "disclaimer" }, DISCLAIMER),
  );
  if (job.cached)
    node.append(
      element(
        "p",
        { class: "hint" },
        "Result reused from an earlier job with the same video and detector.",
      ),
    );
  return node;
}

/** Nothing where no probability is given. */
function scores(report) {
  if (report.fake_probability === null) return [];
  return [...gauge(report), modalityScores(report), ...memberScores(report)];
}

function caveats(notes) {
  if (notes.length === 0) return [];
  const list = element("ul", { class: "notes" }, ...notes.map((note) => element("li", {}, note)));
  return [element("div", { class: "caveats" }, element("h3", {}, "Caveats"), list)];
}

function explanation(report) {
  const probability = report.fake_probability;
  const sentences = [];
  if (report.verdict === "real") sentences.push(REAL_NOT_PROVEN);
  if (report.verdict === "inconclusive") sentences.push(...reasonTexts(report));
  if (probability !== null) sentences.push(meaning(report), ...uncertainty(report));
  return sentences.map((sentence) => element("p", {}, sentence));
}

/** Why the verdict is inconclusive; reports before schema 4 state one reason or none. */
function reasonTexts({ reasons = [], reason, fake_probability: probability }) {
  const fallback = probability === null ? "nothing_to_score" : "between_thresholds";
  const codes = reasons.length > 0 ? reasons.map(({ code }) => code) : [reason ?? fallback];
  return codes.map((code) => REASONS[code].text);
}

function meaning({ fake_probability: probability, model: { promise, prevalence } }) {
  const score = `Fake probability ${formatScore(probability, promise)}`;
  if (!promise) return `${score}; the detector is not calibrated.`;
  const forged = prevalence ? ` of which ${(prevalence * 100).toFixed(0)} % is forged` : "";
  return (
    `${score}: on footage like the calibration data${forged}, ${shareOfFakes(probability, promise)} ` +
    `videos with this score are fakes, as far as ${promise.real_clips + promise.fake_clips} ` +
    "calibration clips can tell."
  );
}

/** The interval of the probability, and the range under dropout. Before schema 4 only the latter
 * existed, as `confidence_interval`. */
function uncertainty({ schema_version: schema, confidence_interval, dropout_range, ...report }) {
  const { uncertainty_score: spread, model } = report;
  const isOld = schema < 4;
  const interval = isOld ? null : confidence_interval;
  const range = isOld ? confidence_interval : dropout_range;
  const sentences = [];
  if (interval) sentences.push(`95 % interval of the probability: ${formatRange(interval, model.promise)}.`);
  if (range) {
    const score = spread === null ? "" : `; uncertainty score ${spread.toFixed(3)}`;
    sentences.push(`95 % of the detector's repeated estimates: ${formatRange(range, model.promise)}${score}.`);
  }
  if (sentences.length > 0) return sentences;
  return [`The uncertainty is unknown: this detector (phase ${model.phase}) gives a single estimate.`];
}

/** The probability on a scale from 0 to 1, with the thresholds. */
function gauge({ fake_probability: probability, confidence_interval: interval, model }) {
  const zone = (kind, from, to) => bar(`zone ${kind}`, from, to);
  const format = (value) => formatScore(value, model.promise);
  const [low, high] = [model.real_below.toFixed(2), model.fake_above.toFixed(2)];
  const thresholds = `Real below ${low}, fake above ${high}, inconclusive in between`;
  const range = interval ? `, interval ${formatRange(interval, model.promise)}` : "";
  const scale = element(
    "div",
    {
      class: "gauge",
      role: "img",
      "aria-label": `Fake probability ${format(probability)}${range}. ${thresholds}.`,
    },
    zone("low", 0, model.real_below),
    zone("middle", model.real_below, model.fake_above),
    zone("high", model.fake_above, 1),
    ...(interval ? [bar("range", interval[0], interval[1])] : []),
    bar("mark", probability, probability),
  );
  return [
    element(
      "p",
      { class: "number" },
      element("strong", {}, format(probability)),
      " fake probability",
    ),
    scale,
    element(
      "p",
      { class: "gauge-labels", "aria-hidden": "true" },
      element("span", {}, "0 genuine"),
      element("span", {}, "fake 1"),
    ),
    element("p", { class: "hint" }, `${thresholds}.`),
  ];
}

function bar(kind, from, to) {
  const node = element("div", { class: kind });
  node.style.left = `${from * 100}%`;
  node.style.width = `${(to - from) * 100}%`;
  return node;
}

const MODALITIES = {
  video: { label: "Faces only", missing: "no face detected" },
  audio: { label: "Voice only", missing: "no speech" },
  lip_sync: { label: "Lip-sync", missing: "not compared" },
};

function modalityScores({ modalities, model }) {
  const rows = Object.entries(MODALITIES).map(([modality, { label, missing }]) =>
    meter(label, modalities[modality], missing, model.promise),
  );
  return element("dl", { class: "meters" }, ...rows);
}

function memberScores({ members, members_spread: spread, model }) {
  if (members.length === 0) return [];
  const rows = members.map((member) =>
    meter(member.name, member.fake_probability, "", model.promise),
  );
  const deviation = spread ? `, standard deviation ${spread.toFixed(2)}` : "";
  const summary = element("summary", {}, `${members.length} ensemble members${deviation}`);
  return [element("details", {}, summary, element("dl", { class: "meters" }, ...rows))];
}

function meter(label, value, missing, promise) {
  const track = () => element("div", { class: "bar", "aria-hidden": "true" }, bar("", 0, value));
  const content =
    value === null ? [element("span", { class: "hint" }, missing)] : [track(), formatScore(value, promise)];
  return element("div", {}, element("dt", {}, label), element("dd", {}, ...content));
}
