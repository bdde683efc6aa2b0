// The timeline: a lane for each face, lip-sync and the voice, with a seek bar over all of them.

import { element } from "./dom.js";
import { formatScore, formatTimecode } from "./format.js";
import { audioLane, faceLane, noLipSyncMessage, offsetLane, voiceLane } from "./timeline_lanes.js";

const FRAME_S = 0.2; // interval between sampled frames
const TICK_STEPS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const MAX_TICKS = 8;
const LAST_TICK = 0.88;

/** Lanes on a common time axis, with a slider over all of them. */
export function timeline(report, playhead) {
  const { duration_s } = playhead;
  const lanes = [];
  for (const person of report.people) {
    lanes.push(faceLane(report, person, duration_s));
    if (person.lip_sync) lanes.push(offsetLane(report, person, duration_s));
  }
  lanes.push(audioLane(report, duration_s), voiceLane(report, duration_s));
  const stack = element("div", { class: "stack" }, ...lanes, timeAxis(duration_s));
  stack.append(seekBar(report, playhead, stack));
  const noLipSync = report.people.length > 0 && !report.people.some((person) => person.lip_sync);
  const notes = noLipSync ? [element("p", { class: "hint" }, noLipSyncMessage(report.model))] : [];
  return element("div", { class: "timeline" }, legend(), stack, ...notes, ...speaking(report));
}

/** Who speaks, in words; nothing in reports of earlier releases. */
function speaking({ speaking: facts }) {
  const lines = facts ? [...facts.situations, ...facts.people].map(({ message }) => message) : [];
  return lines.map((line) => element("p", { class: "hint" }, line));
}

function seekBar(report, playhead, stack) {
  const attributes = {
    type: "range",
    min: 0,
    max: playhead.duration_s,
    step: 0.01,
    value: 0,
    "aria-label": "Playback position",
  };
  const input = element("input", { ...attributes, class: "seek" });
  const update = () => {
    input.value = playhead.time_s;
    const percent = (100 * playhead.time_s) / playhead.duration_s;
    stack.style.setProperty("--position", `${percent}%`); // position line of every lane
    input.setAttribute("aria-valuetext", describe(report, playhead));
  };
  input.addEventListener("input", () => playhead.seek(Number(input.value)));
  input.addEventListener("keydown", (event) => handleArrowKey(event, playhead));
  playhead.addEventListener("tick", update);
  update();
  return input;
}

/** Arrow keys move by one sampled frame, with Shift by one second. */
function handleArrowKey(event, playhead) {
  const direction = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
  if (!direction) return;
  event.preventDefault();
  playhead.seek(playhead.time_s + direction * (event.shiftKey ? 1 : FRAME_S));
}

function describe(report, { time_s, duration_s }) {
  const scores = report.people.map((person) => {
    const point = person.timeline.find(
      (candidate) => Math.abs(candidate.time_s - time_s) <= FRAME_S / 2 + 0.01,
    );
    return `person ${person.id} ${point ? formatScore(point.fake_probability, report.model.promise) : "not visible"}`;
  });
  return [`${formatTimecode(time_s)} of ${formatTimecode(duration_s)}`, ...scores].join(", ");
}

function timeAxis(duration_s) {
  const step_s =
    TICK_STEPS_S.find((step) => duration_s / step <= MAX_TICKS) ?? duration_s / MAX_TICKS;
  const axis = element("div", { class: "axis", "aria-hidden": "true" });
  for (let time_s = 0; time_s <= duration_s * 0.97; time_s += step_s) {
    const tick = element("span", {}, formatTimecode(time_s));
    tick.style.left = `${(100 * time_s) / duration_s}%`;
    if (time_s > duration_s * LAST_TICK) tick.className = "last"; // its label would leave the lane
    axis.append(tick);
  }
  return axis;
}

function legend() {
  const entry = (kind, label) =>
    element("li", {}, element("span", { class: `key ${kind}`, "aria-hidden": "true" }), label);
  return element(
    "ul",
    { class: "legend" },
    entry("low", "score up to its segment threshold"),
    entry("high", "score above its segment threshold"),
    entry("segment", "flagged segment"),
  );
}
