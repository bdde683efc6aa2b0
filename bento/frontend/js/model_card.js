// Quality of the media, and the model card of the detector.

import { card, definitionList, element } from "./dom.js";
import { formatBytes, formatSegmentThresholds } from "./format.js";

const LIMITATIONS =
  "Unknown types of forgery, strong compression, small or hidden faces and audio without " +
  "speech make detection less reliable. A genuine video that was edited or processed can " +
  "score high.";

export function qualityCard(job) {
  const { media, quality } = job.result;
  const video = media.video_codec
    ? `${media.width}×${media.height}, ${media.fps.toFixed(0)} fps, ${media.video_codec}`
    : "none";
  const rows = [
    [
      "Faces",
      `in ${quality.frames_with_face} of ${quality.frames_sampled} sampled frames, ${formatPeople(quality.people)}`,
    ],
    [
      "Face width",
      quality.face_width_px === null ? null : `${quality.face_width_px.toFixed(0)} px on average`,
    ],
    [
      "Sharpness",
      quality.sharpness === null
        ? null
        : `${quality.sharpness.toFixed(0)} (variance of the Laplacian; lower is blurrier)`,
    ],
    ["Speech", `${quality.speech_s.toFixed(1)} s of ${quality.sound_s.toFixed(1)} s of audio`],
    ["Video", video],
    ["Audio", media.audio_codec ?? "none"],
    ["Sound tracks", formatSoundTracks(media.sound_tracks)],
    ["Duration, size", `${media.duration_s.toFixed(1)} s, ${formatBytes(job.size_bytes)}`],
    ["SHA-256", code(job.sha256)],
    ["Processing", `${job.result.timing_s.total.toFixed(1)} s`],
  ];
  return card(
    "Quality and limitations",
    "quality",
    definitionList(rows),
    element("p", { class: "hint" }, LIMITATIONS),
  );
}

export function modelCard(model) {
  const rows = [
    ["Version", code(model.sha256)],
    ["Phase, profile", `${model.phase}, ${model.profile}`],
    ["Face model", model.frame_backbone],
    ["Voice model", model.voice_backbone],
    [
      "Ensemble",
      `${model.members} ${model.members === 1 ? "member" : "members"}, ` +
        (model.passes ? `${model.passes} MC-dropout samples each` : "one pass each"),
    ],
    [
      "Lip-sync",
      model.sync_weight
        ? `weight ${model.sync_weight.toFixed(2)} in the score`
        : "not part of the score",
    ],
    ["Calibration", `temperature ${model.temperature.toFixed(2)}, bias ${model.bias.toFixed(2)}`],
    [
      "Thresholds",
      `real below ${model.real_below.toFixed(2)}, fake above ${model.fake_above.toFixed(2)}`,
    ],
    ["Segment thresholds", formatSegmentThresholds(model)],
    ["Conformal guarantee", formatGuarantee(model.promise)],
    ["Measured on test clips", formatMeasured(model.measured)],
    ["Prevalence", formatPrevalence(model.prevalence)],
  ];
  return card(
    "Model card",
    "model",
    definitionList(rows),
    element("h3", {}, "Gates"),
    ...gateTable(model.gates),
    // reports of before version 0.3 have no notes
    ...(model.notes ?? []).map((note) => element("p", { class: "hint" }, note)),
  );
}

function formatGuarantee(guarantee) {
  if (!guarantee) return "none: the thresholds were not set for a target error rate";
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  return (
    `at most ${percent(guarantee.fpr)} of genuine clips called fake and ` +
    `${percent(guarantee.fnr)} of fakes called real, on average over clips ` +
    // reports of before version 0.3 do not say whether people count or clips
    (guarantee.by_person ? "of new people, drawn like " : "exchangeable with ") +
    `the ${guarantee.real_clips} genuine and ${guarantee.fake_clips} fake calibration clips` +
    describeLimits(guarantee)
  );
}

function describeLimits(guarantee) {
  if (guarantee.folds) return "; approximately, as the calibration is cross-fitted";
  if (guarantee.selection_clips)
    return `; the epoch was chosen on ${guarantee.selection_clips} other clips, of other people`;
  return "; approximately, as they may also have chosen the epoch";
}

/** Reports before schema 4, and detectors that no pipeline promoted, have no measured rates. */
function formatMeasured(measured) {
  if (!measured) return "not stored with this detector";
  const rate = (share, [low, high]) =>
    `${(share * 100).toFixed(1)} % (${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)} %)`;
  return (
    `${rate(measured.fpr, measured.fpr_interval)} of ${measured.reals} genuine clips called fake, ` +
    `${rate(measured.fnr, measured.fnr_interval)} of ${measured.fakes} fakes called real, ` +
    `${measured.people} people`
  );
}

function formatPrevalence(prevalence) {
  if (prevalence === null || prevalence === undefined) return "unknown";
  return (
    `probabilities hold where ${(prevalence * 100).toFixed(0)} % of videos are forged; ` +
    "verdicts do not depend on it"
  );
}

function gateTable(gates) {
  if (gates.length === 0) {
    return [
      element(
        "p",
        {},
        "No gate results: no training pipeline promoted this detector, or it was packaged before gate results were stored with it.",
      ),
    ];
  }
  const header = ["Gate", "Measured", "Limit"].map((label) =>
    element("th", { scope: "col" }, label),
  );
  const rows = gates.map((gate) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, gate.name.replaceAll("_", " ")),
      element("td", {}, gate.value === null ? "–" : gate.value.toFixed(3)),
      element(
        "td",
        {},
        `${signOf(gate)} ${gate.direction} ${gate.limit}`,
        gate.level === "required" ? "" : ", reported only",
      ),
    ),
  );
  return [
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...header)),
      element("tbody", {}, ...rows),
    ),
    element("p", { class: "hint" }, "✓ passed, ✗ missed, – not measured"),
  ];
}

/** A gate without a value is neither passed nor missed, whatever its promotion counted. */
function signOf(gate) {
  if (gate.value === null) return "–";
  return gate.passed ? "✓" : "✗";
}

const formatPeople = (count) => (count === 1 ? "1 person" : `${count} people`);

const code = (hash) => element("code", {}, hash);

/** All sound tracks, if there are several; older results name none. */
function formatSoundTracks(tracks = []) {
  if (tracks.length < 2) return null;
  const describe = (track) =>
    [
      `${track.index}: ${track.codec ?? "unknown codec"}`,
      track.language,
      `${track.channels} channel(s)`,
      track.is_default ? "default" : null,
      track.is_analyzed ? "analyzed" : null,
    ]
      .filter(Boolean)
      .join(", ");
  return tracks.map(describe).join("; ");
}
