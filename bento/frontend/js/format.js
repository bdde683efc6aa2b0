// Formats numbers, times and labels of a report.

export const VERDICTS = {
  fake: { label: "Fake", sign: "!", summary: "Matches known forgery patterns." },
  real: { label: "Real", sign: "✓", summary: "Does not match known forgery patterns." },
  inconclusive: { label: "Inconclusive", sign: "?", summary: "The detector cannot decide." },
};

export const RETENTIONS = {
  keep: "video and result",
  delete_upload: "result only; the video was deleted after the analysis",
  zero: "result only, for a few minutes; the video was deleted immediately and no images were made",
};

export const formatScore = (value) => (value === null ? "not scored" : value.toFixed(2));

export const formatSigned = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

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
  return `face above ${face}, voice above ${voice}, lip-sync above ${lips}`;
}

/** "high" above the threshold, else "low". */
export const level = (probability, threshold) => (probability > threshold ? "high" : "low");
