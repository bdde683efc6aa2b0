// A result: its parts in the order in which they are read.

import { Clock } from "./playhead.js";
import { frames } from "./evidence_frames.js";
import { limits, modelCard } from "./model_card.js";
import { player } from "./player.js";
import { stretches } from "./segments.js";
import { timeline } from "./timeline.js";
import { verdict } from "./verdict_card.js";
import { card, element } from "./dom.js";
import { sent } from "./upload_form.js";

/** The parts of a finished job's view. */
export function result(job, signal) {
  const report = job.result;
  const clock = new Clock(length(report), signal);
  const seen = element(
    "div",
    { class: "seen" },
    player(job, clock, sent.get(job.job_id)),
    stretches(report, clock),
  );
  return [
    verdict(job),
    card("When and who", "when", seen, timeline(report, clock)),
    frames(job, clock),
    element("div", { class: "pair" }, limits(job), modelCard(report.model)),
  ];
}

/** Seconds that the time axis shows; a container may state too few, or none. */
function length(report) {
  const ends = [report.media.duration_s, ...report.segments.map((one) => one.end_s)];
  for (const person of report.people) ends.push(person.timeline.at(-1)?.time_s ?? 0);
  return Math.max(...ends, 0.1);
}
