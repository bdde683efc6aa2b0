// The lanes of the timeline: scores as bars, lip-sync offsets as a line, audio as a waveform.

import { element, svgElement } from "./dom.js";
import { formatScore, formatTimecode, level, segmentThreshold } from "./format.js";

const MAX_FRAME_BARS = 3000; // above this, one bar per second is all that a screen can show
const MAX_OFFSET_MS = 600;
const EARLY_MS = -45; // ITU-R BT.1359-1: limits of detectability
const LATE_MS = 125;

export function faceLane(report, person, duration_s) {
  const perFrame = person.timeline.length <= MAX_FRAME_BARS;
  const points = perFrame ? person.timeline : person.seconds;
  const segments = report.segments.filter(
    (segment) => segment.person === person.id && segment.modality === "video",
  );
  const threshold = segmentThreshold(report.model, "video");
  return lane(
    `Face of person ${person.id}`,
    `${formatScore(person.fake_probability, report.model.promise)} combined with the audio, visible in ${person.frames} frames`,
    barChart(points, perFrame ? medianInterval(points) : 1, duration_s, threshold),
    segments,
    duration_s,
  );
}

export function voiceLane(report, duration_s) {
  if (report.audio_timeline.length === 0) {
    return lane("Voice", report.quality.speech_s ? "not scored" : "no speech, not scored");
  }
  const segments = report.segments.filter((segment) => segment.modality === "audio");
  const detail = `${formatScore(report.modalities.audio, report.model.promise)} on its own, per second of speech`;
  const threshold = segmentThreshold(report.model, "audio");
  const chart = barChart(report.audio_timeline, 1, duration_s, threshold);
  return lane("Voice", detail, chart, segments, duration_s);
}

export function audioLane(report, duration_s) {
  const { envelope } = report;
  if (!envelope) {
    return lane(
      "Audio",
      report.media.audio_codec ? "this result has no waveform" : "the file has no audio",
    );
  }
  const segments = report.segments.filter((segment) => segment.modality === "audio");
  const detail = segments.length ? "flagged voice segments are marked" : "no flagged voice segment";
  return lane("Audio", detail, waveform(envelope, duration_s), segments, duration_s);
}

export function offsetLane(report, person, duration_s) {
  const { lip_sync } = person;
  const segments = report.segments.filter(
    (segment) => segment.person === person.id && segment.modality === "lip_sync",
  );
  const detail =
    `${formatScore(lip_sync.fake_probability, report.model.promise)}; ${formatOffset(lip_sync.offset_ms)}; ` +
    "offsets within the grey band are not noticeable";
  const chart = lip_sync.offsets.length ? offsetChart(lip_sync.offsets, duration_s) : null;
  return lane(`Lip-sync of person ${person.id}`, detail, chart, segments, duration_s);
}

export function noLipSyncMessage({ phase }) {
  if (phase < 3) {
    return `Lip-sync: this detector (phase ${phase}) does not compare lips with the audio.`;
  }
  return "Lip-sync: not scored. It needs speech, a visible moving mouth and a detector trained for it.";
}

function formatOffset(offset_ms) {
  if (offset_ms === null) return "offset unknown";
  const size = Math.abs(Math.round(offset_ms));
  return size === 0 ? "audio in sync" : `audio ${size} ms ${offset_ms > 0 ? "late" : "early"}`;
}

function lane(title, detail, chart = null, segments = [], duration_s = 1) {
  const caption = element("p", { class: "caption" }, element("strong", {}, title), ` ${detail}`);
  if (!chart) return element("div", { class: "lane" }, caption);
  const marks = segments.map((segment) => segmentMark(segment, duration_s));
  const ranges = segments.map(
    ({ start_s, end_s }) => `${formatTimecode(start_s)} to ${formatTimecode(end_s)}`,
  );
  const summary = ranges.length ? `flagged from ${ranges.join(", ")}` : "no flagged segment";
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", `${title}: ${summary}`);
  return element(
    "div",
    { class: "lane" },
    caption,
    element("div", { class: "plot" }, chart, ...marks),
  );
}

function segmentMark({ start_s, end_s }, duration_s) {
  const node = element("div", { class: "segment", "aria-hidden": "true" });
  node.style.left = `${(100 * start_s) / duration_s}%`;
  node.style.width = `${(100 * (end_s - start_s)) / duration_s}%`;
  return node;
}

/** An SVG whose x axis is time and whose height is 1; the browser scales it to the lane. */
const chartSvg = (duration_s, ...shapes) =>
  svgElement("svg", { viewBox: `0 0 ${duration_s} 1`, preserveAspectRatio: "none" }, ...shapes);

function barChart(points, width_s, duration_s, threshold) {
  const paths = { low: "", high: "" };
  for (const { time_s, fake_probability } of points) {
    const top = 1 - Math.max(fake_probability, 0.02); // keep a score of 0 visible
    const end_s = Math.min(time_s + width_s * 0.92, duration_s);
    paths[level(fake_probability, threshold)] += `M${time_s} 1V${top}H${end_s}V1Z`;
  }
  const bars = Object.entries(paths).map(([kind, d]) => svgElement("path", { class: kind, d }));
  const line = svgElement("path", { class: "level", d: `M0 ${1 - threshold}H${duration_s}` });
  return chartSvg(duration_s, ...bars, line);
}

function medianInterval(points) {
  const intervals = points.slice(1).map(({ time_s }, index) => time_s - points[index].time_s);
  return intervals.length ? intervals.sort((a, b) => a - b)[Math.floor(intervals.length / 2)] : 0.2;
}

function waveform({ start_s, step_s, peaks }, duration_s) {
  const maximum = Math.max(...peaks, 1e-3);
  const vertex = (peak, index, side) =>
    `${start_s + (index + 0.5) * step_s} ${0.5 + (side * 0.48 * peak) / maximum}`;
  const upper = peaks.map((peak, index) => vertex(peak, index, -1));
  const lower = peaks.map((peak, index) => vertex(peak, index, 1)).reverse();
  return chartSvg(
    duration_s,
    svgElement("path", { class: "sound", d: `M${[...upper, ...lower].join("L")}Z` }),
  );
}

function offsetChart(offsets, duration_s) {
  const y = (offset_ms) => 0.5 - offset_ms / (2 * MAX_OFFSET_MS);
  const toleranceBand = {
    class: "tolerance",
    x: 0,
    y: y(LATE_MS),
    width: duration_s,
    height: y(EARLY_MS) - y(LATE_MS),
  };
  const commands = offsets.map(({ time_s, offset_ms }, index) => {
    const startsLine = index === 0 || time_s - offsets[index - 1].time_s > 0.5;
    const vertex = `${time_s} ${y(offset_ms)}`;
    return startsLine ? `M${vertex}h0` : `L${vertex}`; // h0 draws an isolated point as a dot
  });
  return chartSvg(
    duration_s,
    svgElement("rect", toleranceBand),
    svgElement("path", { class: "level", d: `M0 0.5H${duration_s}` }),
    svgElement("path", { class: "offset", d: commands.join("") }),
  );
}
