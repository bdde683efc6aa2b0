// The view of a finished job, in reading order.

import { custodyCards } from "./custody_card.js";
import { card, element } from "./dom.js";
import { evidenceCard } from "./evidence_frames.js";
import { materialCards } from "./material_card.js";
import { modelCard, qualityCard } from "./model_card.js";
import { player } from "./player.js";
import { Playhead } from "./playhead.js";
import { provenanceCards } from "./provenance_card.js";
import { segmentList } from "./segments.js";
import { timeline } from "./timeline.js";
import { sentFiles } from "./upload_form.js";
import { verdictCard } from "./verdict_card.js";

/** The cards of a finished job. */
export function resultView(job, signal) {
  const report = job.result;
  const playhead = new Playhead(timelineLength(report), signal);
  const playerRow = element(
    "div",
    { class: "player-row" },
    player(job, playhead, sentFiles.get(job.job_id)),
    segmentList(report, playhead),
  );
  return [
    verdictCard(job),
    card("Timeline", "timeline-card", playerRow, timeline(report, playhead)),
    evidenceCard(job, playhead),
    element("div", { class: "card-pair" }, qualityCard(job), modelCard(report.model)),
    ...materialCards(report),
    ...provenanceCards(job),
    ...custodyCards(report),
  ];
}

/** Seconds on the time axis; the duration stated by a container can be too short or missing. */
function timelineLength(report) {
  const ends = [report.media.duration_s, ...report.segments.map((segment) => segment.end_s)];
  for (const person of report.people) ends.push(person.timeline.at(-1)?.time_s ?? 0);
  return Math.max(...ends, 0.1);
}
