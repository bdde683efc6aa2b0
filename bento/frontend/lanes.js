// The lanes of the timeline: scores as bars, offsets as a line, sound as its outline.

import { drawing, element } from "./element.js";
import { alarm, band, clockTime, score } from "./words.js";

const MANY = 3000; // beyond that, second by second is as fine as a screen shows
const REACH_MS = 600;
const EARLY_MS = -45; // ITU-R BT.1359-1: from here on viewers notice
const LATE_MS = 125;

export function faceLane(report, person, span_s) {
  const fine = person.timeline.length <= MANY;
  const moments = fine ? person.timeline : person.seconds;
  const marked = report.segments.filter(
    (one) => one.person === person.id && one.modality === "video",
  );
  const title = `Face of person ${person.id}`;
  const about = `${score(person.fake_probability)} with the sound, seen in ${person.frames} frames`;
  return lane(
    title,
    about,
    bars(moments, fine ? spacing(moments) : 1, span_s, alarm(report.model, "video")),
    marked,
    span_s,
  );
}

export function voiceLane(report, span_s) {
  if (report.audio_timeline.length === 0)
    return lane("Voice", "nobody speaks, so it was not scored");
  const marked = report.segments.filter((one) => one.modality === "audio");
  const about = `${score(report.modalities.audio)} alone, second by second of speech`;
  const plot = bars(report.audio_timeline, 1, span_s, alarm(report.model, "audio"));
  return lane("Voice", about, plot, marked, span_s);
}

export function soundLane(report, span_s) {
  const { envelope } = report;
  if (!envelope) {
    return lane(
      "Sound",
      report.media.audio_codec
        ? "this result was made without an outline of it"
        : "the file has none",
    );
  }
  const marked = report.segments.filter((one) => one.modality === "audio");
  const about = marked.length
    ? "marked where the voice stands out"
    : "nothing in the voice stands out";
  return lane("Sound", about, outline(envelope, span_s), marked, span_s);
}

export function offsetLane(report, person, span_s) {
  const { lip_sync } = person;
  const marked = report.segments.filter(
    (one) => one.person === person.id && one.modality === "lip_sync",
  );
  const said = [score(lip_sync.fake_probability), late(lip_sync.offset_ms)];
  const about = `${said.join("; ")}; the grey band goes unnoticed`;
  const plot = lip_sync.offsets.length ? offsets(lip_sync.offsets, span_s) : null;
  return lane(`Lip-sync of person ${person.id}`, about, plot, marked, span_s);
}

export function noLipSync({ phase }) {
  if (phase < 3) {
    return `Lip-sync: this detector (phase ${phase}) does not compare lips with the sound.`;
  }
  return (
    "Lip-sync: not judged here. It needs speech beside a mouth that moves, " +
    "and a detector that has learned it."
  );
}

function late(offset_ms) {
  if (offset_ms === null) return "offset unknown";
  const size = Math.abs(Math.round(offset_ms));
  return size === 0
    ? "sound and lips together"
    : `sound ${size} ms ${offset_ms > 0 ? "late" : "early"}`;
}

function lane(title, about, plot = null, marked = [], span_s = 1) {
  const caption = element("p", { class: "caption" }, element("strong", {}, title), ` ${about}`);
  if (!plot) return element("div", { class: "lane" }, caption);
  const bands = marked.map((one) => stretch(one, span_s));
  const said = marked.map((one) => `${clockTime(one.start_s)} to ${clockTime(one.end_s)}`);
  plot.setAttribute("role", "img");
  plot.setAttribute(
    "aria-label",
    `${title}: ${said.length ? `stands out from ${said.join(", ")}` : "nothing stands out"}`,
  );
  return element(
    "div",
    { class: "lane" },
    caption,
    element("div", { class: "plot" }, plot, ...bands),
  );
}

function stretch({ start_s, end_s }, span_s) {
  const node = element("div", { class: "stretch", "aria-hidden": "true" });
  node.style.left = `${(100 * start_s) / span_s}%`;
  node.style.width = `${(100 * (end_s - start_s)) / span_s}%`;
  return node;
}

/** As wide as time, one high; the browser stretches it to its place. */
const canvas = (span_s, ...parts) =>
  drawing("svg", { viewBox: `0 0 ${span_s} 1`, preserveAspectRatio: "none" }, ...parts);

function bars(moments, wide_s, span_s, above) {
  const paths = { low: "", high: "" };
  for (const { time_s, fake_probability } of moments) {
    const top = 1 - Math.max(fake_probability, 0.02); // a zero is seen, too
    const end_s = Math.min(time_s + wide_s * 0.92, span_s);
    paths[band(fake_probability, above)] += `M${time_s} 1V${top}H${end_s}V1Z`;
  }
  const shapes = Object.entries(paths).map(([kind, d]) => drawing("path", { class: kind, d }));
  const level = drawing("path", { class: "level", d: `M0 ${1 - above}H${span_s}` });
  return canvas(span_s, ...shapes, level);
}

function spacing(moments) {
  const gaps = moments.slice(1).map((one, index) => one.time_s - moments[index].time_s);
  return gaps.length ? gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] : 0.2;
}

function outline({ start_s, step_s, peaks }, span_s) {
  const loudest = Math.max(...peaks, 1e-3);
  const at = (peak, index, side) =>
    `${start_s + (index + 0.5) * step_s} ${0.5 + (side * 0.48 * peak) / loudest}`;
  const upper = peaks.map((peak, index) => at(peak, index, -1));
  const lower = peaks.map((peak, index) => at(peak, index, 1)).reverse();
  return canvas(
    span_s,
    drawing("path", { class: "sound", d: `M${[...upper, ...lower].join("L")}Z` }),
  );
}

function offsets(points, span_s) {
  const y = (offset_ms) => 0.5 - offset_ms / (2 * REACH_MS);
  const band = {
    class: "unnoticed",
    x: 0,
    y: y(LATE_MS),
    width: span_s,
    height: y(EARLY_MS) - y(LATE_MS),
  };
  const line = points.map((one, index) => {
    const apart = index > 0 && one.time_s - points[index - 1].time_s > 0.5;
    const place = `${one.time_s} ${y(one.offset_ms)}`;
    return index === 0 || apart ? `M${place}h0` : `L${place}`; // a moment alone is seen as a dot
  });
  return canvas(
    span_s,
    drawing("rect", band),
    drawing("path", { class: "level", d: `M0 0.5H${span_s}` }),
    drawing("path", { class: "offset", d: line.join("") }),
  );
}
