// Formats numbers, times and labels of a report.

export const VERDICTS = {
  fake: { label: "Fake", sign: "!", summary: "Matches known forgery patterns." },
  real: { label: "Real", sign: "✓", summary: "Does not match known forgery patterns." },
  inconclusive: { label: "Inconclusive", sign: "?", summary: "The detector cannot decide." },
};

/** Reasons of an inconclusive verdict: `label` for a list, `text` for a result. */
export const REASONS = {
  nothing_to_score: {
    label: "nothing to score",
    text: "Neither a face nor speech was found, so there is nothing to score.",
  },
  demo_model: {
    label: "demonstration model",
    text:
      "The detector is the small demonstration model, and this footage is unlike the clips that " +
      "it was calibrated on. Its scores would mean nothing here, so none are given.",
  },
  too_little_evidence: {
    label: "too little to judge",
    text: "Less than a second of a face or of speech could be scored.",
  },
  still_picture: {
    label: "still picture",
    text: "The picture does not move, so there is no talking face to judge.",
  },
  telephone_band: {
    label: "telephone sound",
    text:
      "The sound has the bandwidth of a telephone, in which traces of a synthetic voice are lost.",
  },
  experimental: {
    label: "experimental detector",
    text: "The detector is experimental: it shows its scores and gives no verdict.",
  },
  unlike_calibration: {
    label: "unlike the calibration clips",
    text:
      "The footage is unlike the calibration clips in size, frame rate, faces or sound, so the " +
      "error rates of a verdict are unknown.",
  },
  segment_alarm: {
    label: "flagged segment",
    text: "The video as a whole scores low, but a segment of it is flagged.",
  },
  between_thresholds: {
    label: "between the thresholds",
    text:
      "The score lies between the two thresholds, where a verdict would be wrong too often. It is " +
      "evidence neither for nor against a forgery.",
  },
};

export const RETENTIONS = {
  keep: "video and result",
  delete_upload: "result only; the video was deleted after the analysis",
  zero: "result only, for a few minutes; the video was deleted immediately and no images were made",
};

/** Lowest and highest probability that so many calibration clips can bear, in two digits. */
export function probabilityRange(promise) {
  if (!promise) return [0.01, 0.99];
  const low = 1 / (promise.real_clips + 2);
  const high = (promise.fake_clips + 1) / (promise.fake_clips + 2);
  return [Math.max(Math.ceil(low * 100), 1) / 100, Math.min(Math.floor(high * 100), 99) / 100];
}

/** A probability, or the end of its range; `promise` holds the numbers of calibration clips. */
export function formatScore(value, promise) {
  if (value === null) return "not scored";
  const [low, high] = probabilityRange(promise);
  if (value < low) return `≤ ${low.toFixed(2)}`;
  return value > high ? `≥ ${high.toFixed(2)}` : value.toFixed(2);
}

/** Both ends of an interval of probabilities, or the end that can be stated. */
export function formatRange([low, high], promise) {
  const [start, end] = [formatScore(low, promise), formatScore(high, promise)];
  const isOpenAbove = end.startsWith("≥");
  if (start.startsWith("≤") === isOpenAbove) return `${start} to ${end}`;
  return isOpenAbove ? `≥ ${start.replace("≥ ", "")}` : `≤ ${end.replace("≤ ", "")}`;
}

/** What a probability means in numbers of videos: the 95 % Wilson interval of the clips behind it. */
export function shareOfFakes(probability, promise) {
  const clips = promise.real_clips + promise.fake_clips;
  const [low, high] = probabilityRange(promise);
  const p = Math.min(Math.max(probability, low), high);
  const z2 = 1.96 ** 2 / clips;
  const centre = (p + z2 / 2) / (1 + z2);
  const reach = (Math.sqrt(z2 * (p * (1 - p) + z2 / 4))) / (1 + z2);
  const [from, to] = [Math.floor((centre - reach) * 100), Math.ceil((centre + reach) * 100)];
  return `${Math.max(from, 1)} to ${Math.min(to, 99)} in 100`;
}

/** 63.25 becomes 1:03.2; truncated, not rounded, so that it never names a later moment. */
export function formatTimecode(time_s) {
  const tenths = Math.floor(time_s * 10 + 1e-6);
  const seconds = (tenths % 600) / 10;
  return `${Math.floor(tenths / 600)}:${seconds.toFixed(1).padStart(4, "0")}`;
}

export function formatBytes(count) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), 3);
  return `${(count / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

export const formatDateTime = (iso) =>
  new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Modality and person of a segment. */
export function segmentLabel(modality, person) {
  if (modality === "audio") return "Voice";
  return `${modality === "video" ? "Face" : "Lip-sync"} of person ${person}`;
}

/** Probability above which a segment of `modality` is flagged; older reports have only one. */
export function segmentThreshold(model, modality) {
  const fallback = model.fake_above < 1 ? model.fake_above : 0.5;
  return model.alarms?.[modality] ?? fallback;
}

/** The three segment thresholds as text. */
export function formatSegmentThresholds(model) {
  // five digits where three would round a threshold up to 1
  const [face, voice, lips] = ["video", "audio", "lip_sync"].map((modality) => {
    const threshold = segmentThreshold(model, modality);
    return threshold.toFixed(threshold < 0.9995 ? 3 : 5);
  });
  const rate = model.alarms?.per_hour;
  const promise = rate ? `; each at most ${+rate.toPrecision(3)} times per hour of genuine footage` : "";
  return `face above ${face}, voice above ${voice}, lip-sync above ${lips}${promise}`;
}

/** "high" above the threshold, else "low". */
export const level = (probability, threshold) => (probability > threshold ? "high" : "low");
