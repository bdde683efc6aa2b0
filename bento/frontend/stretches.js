// The stretches that stand out, each a button that jumps to it.

import { element } from "./element.js";
import { alarms, clockTime, score, source } from "./words.js";

export function stretches(report, clock) {
  const sorted = [...report.segments].sort((a, b) => a.start_s - b.start_s);
  const heading = element("h3", { id: "stretches-title" }, "What stands out");
  const body = sorted.length
    ? element("ol", { class: "stretches" }, ...sorted.map((one) => item(one, clock)))
    : element("p", {}, "No stretch of face, voice or lips stands out from genuine footage.");
  return element(
    "section",
    { class: "outstanding", "aria-labelledby": heading.id },
    heading,
    ...hint(sorted, report.model),
    body,
  );
}

function hint(sorted, model) {
  if (sorted.length === 0) return [];
  return [
    element(
      "p",
      { class: "hint" },
      `Moments that score higher than genuine footage does (${alarms(model)}), joined; the number ` +
        "is the mean. Choose one to jump to it.",
    ),
  ];
}

function item(one, clock) {
  const time = `${clockTime(one.start_s)} – ${clockTime(one.end_s)}`;
  const button = element(
    "button",
    { type: "button", class: `jump ${one.modality}`, click: () => clock.seek(one.start_s) },
    element("span", { class: "time" }, time),
    element("span", {}, source(one.modality, one.person)),
    element("span", { class: "value" }, score(one.fake_probability)),
  );
  return element("li", {}, button);
}
