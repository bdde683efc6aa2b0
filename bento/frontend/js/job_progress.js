// Progress of a queued or running job: queue position, stage and percentage.

import { announce } from "./aria_live.js";
import { element } from "./dom.js";

const STEPS = [
  ["Waiting in the queue", []],
  ["Loading the detector", ["waiting", "loading"]],
  ["Detecting faces and speech", ["decode", "faces", "align", "lips", "speech"]],
  ["Scoring faces, voice and lip-sync", ["flow", "frame_model", "voice_model", "sync_model"]],
  ["Rendering evidence", ["evidence"]],
];
const STAGES = {
  decode: "decoding video and audio",
  faces: "detecting and tracking faces",
  align: "aligning face crops",
  lips: "cropping mouths",
  speech: "detecting speech",
  flow: "computing optical flow",
  frame_model: "scoring faces",
  voice_model: "scoring the voice",
  sync_model: "scoring lip-sync",
  evidence: "rendering and testing heat maps",
};

/** The progress view; call `update` with every new state of the job. */
export class JobProgress {
  constructor(cancel) {
    this.bar = element("progress", { id: "percent", max: 100, value: 0 });
    this.percent = element("output", { for: "percent" });
    this.detail = element("p", { class: "hint" });
    this.items = STEPS.map(([label]) => element("li", {}, label));
    this.node = element(
      "section",
      { class: "card progress", "aria-label": "Progress" },
      element(
        "div",
        { class: "row" },
        element("label", { for: "percent" }, "Analyzed"),
        this.bar,
        this.percent,
      ),
      element("ol", { class: "steps" }, ...this.items),
      this.detail,
      element("button", { type: "button", id: "cancel", click: cancel }, "Cancel this job"),
    );
  }

  update(job) {
    const step = Math.max(
      STEPS.findIndex(([, stages]) => stages.includes(job.stage)),
      0,
    );
    this.items.forEach((item, index) => markStep(item, index - step));
    this.bar.value = job.percent;
    this.percent.value = `${Math.floor(job.percent)} %`;
    this.detail.textContent = describe(job);
    announce(job.status === "queued" ? describe(job) : STEPS[step][0]);
  }

  showConnectionError(error) {
    const problem = error.status === 0 ? "Connection lost" : error.title;
    this.detail.textContent = `${problem}; the job is still running. Reconnecting…`;
    announce(this.detail.textContent);
  }
}

function markStep(item, stepsAhead) {
  item.className = stepsAhead < 0 ? "done" : stepsAhead === 0 ? "current" : "";
  if (stepsAhead === 0) item.setAttribute("aria-current", "step");
  else item.removeAttribute("aria-current");
}

function describe(job) {
  const attempt =
    job.attempts > 1 ? ` Attempt ${job.attempts}: the previous one was interrupted.` : "";
  if (job.stage === "no_detector") {
    return "The detector cannot be loaded; ask the operator to check the service log.";
  }
  if (job.status === "queued") {
    const ahead = (job.queue_position ?? 1) - 1;
    const position =
      ahead === 0 ? "Next in the queue." : `${ahead} ${ahead === 1 ? "job" : "jobs"} ahead.`;
    return position + attempt;
  }
  const stage = STAGES[job.stage];
  return (stage ? `Now: ${stage}.` : "Loading the detector.") + attempt;
}
