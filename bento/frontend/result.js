// A result: its parts in the order in which they are read.

import { Clock } from "./clock.js";
import { frames } from "./frames.js";
import { limits, modelCard } from "./model.js";
import { player } from "./player.js";
import { stretches } from "./stretches.js";
import { timeline } from "./timeline.js";
import { verdict } from "./verdict.js";
import { card, element } from "./element.js";
import { sent } from "./upload.js";

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
