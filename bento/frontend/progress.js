// A job that waits or runs: its place in the queue, its stage, and how far it is.

import { element } from "./element.js";
import { announce } from "./live.js";

const STEPS = [
  ["Waiting for its turn", []],
  ["Loading the detector", ["waiting", "loading"]],
  ["Finding faces and speech", ["decode", "faces", "align", "lips", "speech"]],
  ["Scoring face, voice and lips", ["flow", "frame_model", "voice_model", "sync_model"]],
  ["Drawing what to look at", ["evidence"]],
];
const STAGES = {
  decode: "reading pictures and sound",
  faces: "finding and following faces",
  align: "cutting out faces",
  lips: "cutting out mouths",
  speech: "finding speech",
  flow: "measuring motion",
  frame_model: "looking at faces",
  voice_model: "listening to the voice",
  sync_model: "comparing lips and sound",
  evidence: "drawing heat maps and testing them",
};

/** A view of a job under way; `update` is called with every state of it. */
export class Progress {
  constructor(cancel) {
    this.bar = element("progress", { id: "percent", max: 100, value: 0 });
    this.percent = element("output", { for: "percent" });
    this.detail = element("p", { class: "hint" });
    this.items = STEPS.map(([words]) => element("li", {}, words));
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
    const at = STEPS.findIndex(([, stages]) => stages.includes(job.stage));
    const step = Math.max(at, 0);
    this.items.forEach((item, index) => mark(item, index - step));
    this.bar.value = job.percent;
    this.percent.value = `${Math.floor(job.percent)} %`;
    this.detail.textContent = detail(job);
    announce(job.status === "queued" ? detail(job) : STEPS[step][0]);
  }

  lost(problem) {
    this.detail.textContent = `${problem.message} The job goes on; asking again.`;
    announce(this.detail.textContent);
  }
}

function mark(item, ahead) {
  item.className = ahead < 0 ? "over" : ahead === 0 ? "now" : "";
  if (ahead === 0) item.setAttribute("aria-current", "step");
  else item.removeAttribute("aria-current");
}

function detail(job) {
  const again = job.attempts > 1 ? ` Attempt ${job.attempts}: the one before broke off.` : "";
  if (job.stage === "no_detector") {
    return "The detector cannot be loaded; the log of whoever runs the service says why.";
  }
  if (job.status === "queued") {
    const before = (job.queue_position ?? 1) - 1;
    return (
      (before === 0
        ? "It is next."
        : `${before} ${before === 1 ? "job is" : "jobs are"} before it.`) + again
    );
  }
  const stage = STAGES[job.stage];
  return (stage ? `Now: ${stage}.` : "The detector is made ready.") + again;
}
