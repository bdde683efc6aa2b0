// The seek bar, painted with what was found when: one lane for each face, the lips and the voice.

import { element } from "./element.js";
import { faceLane, offsetLane, noLipSync, soundLane, voiceLane } from "./lanes.js";
import { alarms, clockTime, score } from "./words.js";

const STEP_S = 0.2; // one looked-at frame
const TICKS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const MOST_TICKS = 8;

/** Lanes over one time axis, with a slider over all of them. */
export function timeline(report, clock) {
  const { span_s } = clock;
  const lanes = [];
  for (const person of report.people) {
    lanes.push(faceLane(report, person, span_s));
    if (person.lip_sync) lanes.push(offsetLane(report, person, span_s));
  }
  lanes.push(soundLane(report, span_s), voiceLane(report, span_s));
  const stack = element("div", { class: "stack" }, ...lanes, ticks(span_s));
  stack.append(slider(report, clock, stack));
  const silent = report.people.length > 0 && !report.people.some((person) => person.lip_sync);
  const notes = silent ? [element("p", { class: "hint" }, noLipSync(report.model))] : [];
  return element("div", { class: "timeline" }, legend(report), stack, ...notes);
}

function slider(report, clock, stack) {
  const attributes = {
    type: "range",
    min: 0,
    max: clock.span_s,
    step: 0.01,
    value: 0,
    "aria-label": "Moment of the video",
  };
  const input = element("input", { ...attributes, class: "seek" });
  const show = () => {
    input.value = clock.time_s;
    const share = (100 * clock.time_s) / clock.span_s;
    stack.style.setProperty("--at", `${share}%`); // where every lane has its line
    input.setAttribute("aria-valuetext", described(report, clock.time_s, clock.span_s));
  };
  input.addEventListener("input", () => clock.seek(Number(input.value)));
  input.addEventListener("keydown", (event) => stepped(event, clock));
  clock.addEventListener("tick", show);
  show();
  return input;
}

/** Arrows go frame by frame, with Shift second by second; the rest is as every slider has it. */
function stepped(event, clock) {
  const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
  if (!way) return;
  event.preventDefault();
  clock.seek(clock.time_s + way * (event.shiftKey ? 1 : STEP_S));
}

function described(report, time_s, span_s) {
  const near = report.people.map((person) => {
    const seen = person.timeline.find((one) => Math.abs(one.time_s - time_s) <= STEP_S / 2 + 0.01);
    return `person ${person.id} ${seen ? score(seen.fake_probability) : "not seen"}`;
  });
  return [`${clockTime(time_s)} of ${clockTime(span_s)}`, ...near].join(", ");
}

function ticks(span_s) {
  const step_s = TICKS_S.find((step) => span_s / step <= MOST_TICKS) ?? span_s / MOST_TICKS;
  const axis = element("div", { class: "axis", "aria-hidden": "true" });
  for (let time_s = 0; time_s <= span_s * 0.97; time_s += step_s) {
    const tick = element("span", {}, clockTime(time_s));
    tick.style.left = `${(100 * time_s) / span_s}%`;
    axis.append(tick);
  }
  return axis;
}

function legend({ model }) {
  const key = (kind, words) =>
    element("li", {}, element("span", { class: `key ${kind}`, "aria-hidden": "true" }), words);
  return element(
    "ul",
    { class: "legend" },
    key("low", "as genuine footage scores, too"),
    key("high", `higher: ${alarms(model)}`),
    key("stretch", "stretch that stands out"),
  );
}
