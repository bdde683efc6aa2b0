// The verdict: what, how sure, and what the number means.

import { card, element } from "./element.js";
import { VERDICTS, score } from "./words.js";

const NOT_PROOF =
  "That is no proof that it is genuine: a forgery of a kind that the detector does not know may " +
  "score as low.";
const BETWEEN =
  "The score lies between the two thresholds, where a verdict would be wrong too often. It speaks " +
  "neither for a forgery nor against one.";
const NOTHING =
  "Nothing in it could be scored, so there is no number either. What bears on it is said below.";
const HUMAN =
  "This is no verdict on a person. Before anything is decided, somebody has to look at the " +
  "evidence, and the person concerned has to be heard.";

export function verdict(job) {
  const { word, sign, says } = VERDICTS[job.result.verdict];
  const badge = element(
    "p",
    { class: `badge ${job.result.verdict}` },
    element("span", { class: "sign", "aria-hidden": "true" }, sign),
    element("span", {}, word),
  );
  const node = card(
    "Verdict",
    "verdict",
    element(
      "div",
      { class: "said" },
      badge,
      element("p", { class: "says" }, says),
      ...meaning(job.result),
    ),
    element(
      "div",
      { class: "measured" },
      ...gauge(job.result),
      alone(job.result),
      ...members(job.result),
    ),
    ...bearing(job.result.notes),
    element("p", { class: "human" }, HUMAN),
  );
  if (job.cached)
    node.append(
      element(
        "p",
        { class: "hint" },
        "Result of an earlier job on the same video with the same detector.",
      ),
    );
  return node;
}

function bearing(notes) {
  if (notes.length === 0) return [];
  const list = element("ul", { class: "notes" }, ...notes.map((note) => element("li", {}, note)));
  return [
    element("div", { class: "bearing" }, element("h3", {}, "What bears on this verdict"), list),
  ];
}

function meaning(report) {
  const p = report.fake_probability;
  if (p === null) return [element("p", {}, NOTHING)];
  const words = [
    `Fake probability ${score(p)}: of videos that score like this one, about ` +
      `${Math.round(p * 100)} in 100 were fakes, among footage like that on which the detector ` +
      "was calibrated.",
    interval(report),
  ];
  if (report.verdict === "real") words.unshift(NOT_PROOF);
  if (report.verdict === "inconclusive") words.unshift(BETWEEN);
  return words.map((one) => element("p", {}, one));
}

function interval({ confidence_interval: held, uncertainty_score: spread, model }) {
  if (held === null) {
    return (
      "How far repeated answers would differ is not known: this detector " +
      `(phase ${model.phase}) gives one answer alone.`
    );
  }
  const range = `between ${score(held[0])} and ${score(held[1])} (the middle 95 %)`;
  const words = `Repeated answers of the detector lie ${range}`;
  return spread === null ? `${words}.` : `${words}; uncertainty score ${spread.toFixed(3)}.`;
}

/** The probability on a scale from 0 to 1, between the thresholds. */
function gauge({ fake_probability: p, confidence_interval: held, model }) {
  if (p === null) return [];
  const zone = (kind, from, to) => placed("div", `zone ${kind}`, from, to);
  const [low, high] = [score(model.real_below), score(model.fake_above)];
  const words = `Real below ${low}, fake above ${high}, inconclusive between`;
  const range = held ? `, interval ${score(held[0])} to ${score(held[1])}` : "";
  const scale = element(
    "div",
    {
      class: "gauge",
      role: "img",
      "aria-label": `Fake probability ${score(p)}${range}. ${words}.`,
    },
    zone("low", 0, model.real_below),
    zone("middle", model.real_below, model.fake_above),
    zone("high", model.fake_above, 1),
    ...(held ? [placed("div", "range", held[0], held[1])] : []),
    placed("div", "mark", p, p),
  );
  return [
    element("p", { class: "number" }, element("strong", {}, score(p)), " fake probability"),
    scale,
    element(
      "p",
      { class: "ends", "aria-hidden": "true" },
      element("span", {}, "0 genuine"),
      element("span", {}, "fake 1"),
    ),
    element("p", { class: "hint" }, `${words}.`),
  ];
}

function placed(name, kind, from, to) {
  const node = element(name, { class: kind });
  node.style.left = `${from * 100}%`;
  node.style.width = `${(to - from) * 100}%`;
  return node;
}

const SILENT = { video: "nobody is seen", audio: "nobody speaks", lip_sync: "not compared" };
const NAMES = { video: "Faces alone", audio: "Voice alone", lip_sync: "Lips with sound" };

function alone({ modalities }) {
  const rows = Object.entries(NAMES).map(([kind, name]) =>
    meter(name, modalities[kind], SILENT[kind]),
  );
  return element("dl", { class: "meters" }, ...rows);
}

function members({ members: list, members_spread: spread }) {
  if (list.length === 0) return [];
  const rows = list.map((one) => meter(one.name, one.fake_probability, ""));
  const apart = spread ? `, standard deviation ${spread.toFixed(2)}` : "";
  const summary = element("summary", {}, `The ${list.length} members of the ensemble${apart}`);
  return [element("details", {}, summary, element("dl", { class: "meters" }, ...rows))];
}

function meter(name, value, silent) {
  const bar = () =>
    element("div", { class: "bar", "aria-hidden": "true" }, placed("div", "", 0, value));
  const said =
    value === null ? [element("span", { class: "hint" }, silent)] : [bar(), score(value)];
  return element("div", {}, element("dt", {}, name), element("dd", {}, ...said));
}
