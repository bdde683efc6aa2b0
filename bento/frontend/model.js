// How far the result can be trusted: the material's quality, and the detector's own card.

import { card, element, facts } from "./element.js";
import { alarms, bytes, score } from "./words.js";

const LIMITS =
  "A kind of forgery unlike those known, strong compression, small or hidden faces, and sound " +
  "without speech lower what can be seen. A genuine video that was edited or processed may " +
  "score high.";

export function limits(job) {
  const { media, quality } = job.result;
  const picture = media.video_codec
    ? `${media.width}×${media.height}, ${media.fps.toFixed(0)}/s, ${media.video_codec}`
    : "none";
  const rows = [
    [
      "Faces",
      `in ${quality.frames_with_face} of ${quality.frames_sampled} frames, ${people(quality.people)}`,
    ],
    [
      "Face width",
      quality.face_width_px === null ? null : `${quality.face_width_px.toFixed(0)} px on average`,
    ],
    [
      "Sharpness",
      quality.sharpness === null
        ? null
        : `${quality.sharpness.toFixed(0)} (variance of the Laplacian; lower is more blurred)`,
    ],
    ["Speech", `${quality.speech_s.toFixed(1)} s of ${quality.sound_s.toFixed(1)} s of sound`],
    ["Picture", picture],
    ["Sound", media.audio_codec ?? "none"],
    ["Length, size", `${media.duration_s.toFixed(1)} s, ${bytes(job.size_bytes)}`],
    ["SHA-256", code(job.sha256)],
    ["Work", `${job.result.timing_s.total.toFixed(1)} s`],
  ];
  return card(
    "Quality and limits",
    "quality",
    facts(rows),
    element("p", { class: "hint" }, LIMITS),
  );
}

export function modelCard(model) {
  const rows = [
    ["Version", code(model.sha256)],
    ["Phase, profile", `${model.phase}, ${model.profile}`],
    ["Looks with", model.frame_backbone],
    ["Listens with", model.voice_backbone],
    [
      "Members",
      `${model.members}, ${model.passes ? `${model.passes} passes each` : "one pass each"}`,
    ],
    [
      "Lip-sync",
      model.sync_weight
        ? `weighs ${score(model.sync_weight)} in the score`
        : "has no weight in the score",
    ],
    ["Calibration", `temperature ${model.temperature.toFixed(2)}, bias ${model.bias.toFixed(2)}`],
    ["Thresholds", `real below ${score(model.real_below)}, fake above ${score(model.fake_above)}`],
    ["Stands out", alarms(model)],
    ["Promise", promise(model.promise)],
  ];
  return card(
    "Model card",
    "model",
    facts(rows),
    element("h3", {}, "Gates"),
    ...gates(model.gates),
  );
}

function promise(held) {
  if (!held) return "none: the thresholds were not set for a rate of errors";
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  return (
    `at most ${percent(held.fpr)} of genuine clips called fake and ${percent(held.fnr)} of fakes ` +
    `called real, on average over clips drawn like the ${held.real_clips} genuine and ` +
    `${held.fake_clips} fake ones it was calibrated on`
  );
}

function gates(list) {
  if (list.length === 0) {
    return [
      element(
        "p",
        {},
        "None on record: this detector was put in place by hand, or before gates were written down with it.",
      ),
    ];
  }
  const head = ["Gate", "Measured", "Wanted (✓ kept, ✗ not)"].map((words) =>
    element("th", { scope: "col" }, words),
  );
  const rows = list.map((gate) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, gate.name),
      element("td", {}, gate.value === null ? "not measured" : gate.value.toFixed(3)),
      element(
        "td",
        {},
        `${gate.passed ? "✓" : "✗"} ${gate.direction} ${gate.limit}`,
        gate.level === "required" ? "" : ", reported only",
      ),
    ),
  );
  return [
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...rows),
    ),
  ];
}

const people = (count) => (count === 1 ? "1 person" : `${count} people`);

const code = (hash) => element("code", {}, hash);
