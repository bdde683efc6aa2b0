// The flagged segments, each a button that jumps to it.

import { element } from "./dom.js";
import { formatScore, formatSegmentThresholds, formatTimecode, segmentLabel } from "./format.js";

export function segmentList(report, playhead) {
  const segments = [...report.segments].sort((a, b) => a.start_s - b.start_s);
  const heading = element("h3", { id: "segments-title" }, "Flagged segments");
  const body = segments.length
    ? element(
        "ol",
        { class: "segments" },
        ...segments.map((segment) => segmentItem(segment, report.model, playhead)),
      )
    : element("p", {}, emptyMessage(report));
  return element(
    "section",
    { class: "segments-panel", "aria-labelledby": heading.id },
    heading,
    ...hint(segments, report.model),
    body,
  );
}

function emptyMessage({ reason }) {
  if (reason === "demo_model") return "Nothing was scored.";
  return "No segment of face, voice or lip-sync exceeds its threshold.";
}

function hint(segments, model) {
  if (segments.length === 0) return [];
  return [
    element(
      "p",
      { class: "hint" },
      `Segments whose score exceeds its threshold (${formatSegmentThresholds(model)}); the ` +
        "number is the mean score. Select one to jump to it.",
    ),
  ];
}

function segmentItem(segment, model, playhead) {
  const time = `${formatTimecode(segment.start_s)} – ${formatTimecode(segment.end_s)}`;
  const button = element(
    "button",
    {
      type: "button",
      class: `jump ${segment.modality}`,
      click: () => playhead.seek(segment.start_s),
    },
    element("span", { class: "time" }, time),
    element("span", {}, segmentLabel(segment.modality, segment.person)),
    element("span", { class: "value" }, formatScore(segment.fake_probability, model.promise)),
  );
  return element("li", {}, button);
}
