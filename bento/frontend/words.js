// Numbers, times and names of the report in words.

export const VERDICTS = {
  fake: { word: "Fake", sign: "!", says: "This video is like known forgeries." },
  real: { word: "Real", sign: "✓", says: "This video is not like known forgeries." },
  inconclusive: { word: "Inconclusive", sign: "?", says: "The detector cannot tell." },
};

export const STATES = {
  queued: "waiting",
  running: "running",
  done: "done",
  failed: "failed",
  cancelled: "cancelled",
};

export const RETENTIONS = {
  keep: "video and result",
  delete_upload: "the result; the video went once it was analyzed",
  zero: "the result, for some minutes; the video went at once, and no pictures were made",
};

export const score = (value) => (value === null ? "not scored" : value.toFixed(2));

export const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

/** 63.25 becomes 1:03.2; cut off, not rounded, so that it never names a later moment. */
export function clockTime(time_s) {
  const tenths = Math.floor(time_s * 10 + 1e-6);
  const seconds = (tenths % 600) / 10;
  return `${Math.floor(tenths / 600)}:${seconds.toFixed(1).padStart(4, "0")}`;
}

export function bytes(count) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), 3);
  return `${(count / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

export const moment = (iso) =>
  new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Whose trace a stretch is. */
export function source(modality, person) {
  if (modality === "audio") return "Voice";
  return `${modality === "video" ? "Face" : "Lip-sync"} of person ${person}`;
}

/** Above which probability one kind of evidence stands out; older results had one for all. */
export function alarm(model, modality) {
  const verdict = model.fake_above < 1 ? model.fake_above : 0.5;
  return model.alarms?.[modality] ?? verdict;
}

/** The three of them in words. */
export function alarms(model) {
  // a threshold close to 1 is not to look like 1
  const [face, voice, lips] = ["video", "audio", "lip_sync"].map((kind) =>
    alarm(model, kind).toFixed(alarm(model, kind) < 0.9995 ? 3 : 5),
  );
  return `face above ${face}, voice above ${voice}, lip-sync above ${lips}`;
}

/** On which side of that a moment lies. */
export const band = (probability, above) => (probability > above ? "high" : "low");
