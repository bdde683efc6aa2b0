// One job: under way, ended without a result, or with one.

import { ask, askJson } from "./api.js";
import { reports } from "./downloads.js";
import { element } from "./element.js";
import { announce } from "./live.js";
import { showFailure } from "./notice.js";
import { Progress } from "./progress.js";
import { result } from "./result.js";
import { isOpen, watch } from "./watch.js";
import { bytes, moment, RETENTIONS, STATES, VERDICTS } from "./words.js";

/** Show a job in `place` until `signal` ends it. */
export async function openJob(id, place, signal) {
  const again = () => openJob(id, place, signal);
  place.replaceChildren(element("p", { class: "hint" }, "Asking for the job …"));
  try {
    const job = await askJson(`/jobs/${id}`, { signal });
    const title = heading(job);
    place.replaceChildren(title);
    title.querySelector("h1").focus();
    if (isOpen(job)) await follow(job, place, signal);
    else await show(job, place, signal);
  } catch (problem) {
    if (signal.aborted) return;
    document.title = "unmask";
    showFailure(place, problem, again);
  }
}

function heading(job) {
  document.title = `${job.file} – unmask`;
  const part = region(job.options);
  const about = [`submitted ${moment(job.created_at)}`, bytes(job.size_bytes), part].filter(
    Boolean,
  );
  return element(
    "header",
    { class: "title" },
    element("p", {}, element("a", { href: "#" }, "← All videos")),
    element("h1", { tabindex: -1 }, job.file),
    element("p", { class: "hint" }, about.join(" · ")),
  );
}

function region({ start_s, end_s }) {
  if (start_s == null && end_s == null) return null;
  return `only from ${start_s ?? 0} s to ${end_s == null ? "the end" : `${end_s} s`}`;
}

async function follow(job, place, signal) {
  const progress = new Progress(() => end(job, place));
  place.append(progress.node);
  progress.update(job);
  let last = job;
  const told = (seen) => {
    last = seen;
    if (isOpen(seen)) progress.update(seen);
  };
  await watch(job.job_id, told, (problem) => progress.lost(problem), signal);
  if (signal.aborted) return;
  progress.node.remove();
  await show(last, place, signal);
  place.querySelector("h1").focus();
}

async function show(job, place, signal) {
  if (job.status === "done") {
    announce(`Done. Verdict: ${VERDICTS[job.verdict].word}.`);
    place.querySelector(".title").append(reports(job));
    place.append(...result(job, signal));
  } else {
    announce(`The job is ${STATES[job.status]}.`);
    place.append(ended(job));
  }
  place.append(removal(job, place));
}

function ended(job) {
  const failed = job.status === "failed";
  const words = failed ? job.error : "It was cancelled, and its upload is deleted.";
  return element(
    "div",
    { class: failed ? "notice bad" : "notice" },
    element("strong", {}, failed ? "This video could not be analyzed" : "Cancelled"),
    element("p", {}, words),
    element("p", {}, element("a", { href: "#" }, "Send another video")),
  );
}

function removal(job, place) {
  const button = element("button", { type: "button", id: "delete" }, "Delete this job");
  const kept =
    job.status === "done" ? RETENTIONS[job.options.retention] : "only this note of the job";
  const until = job.expires_at ? `, until ${moment(job.expires_at)}` : "";
  const words = element("p", { class: "hint" }, `What is kept: ${kept}${until}.`);
  const section = element(
    "section",
    { class: "removal", "aria-label": "What is kept" },
    words,
    button,
  );
  button.addEventListener("click", () => confirmed(section, button, () => end(job, place)));
  return section;
}

/** Ask once more, in place, before something is lost. */
function confirmed(section, button, act) {
  const cancel = element("button", { type: "button" }, "Keep it");
  const sure = element(
    "button",
    { type: "button", class: "danger", click: act },
    "Delete result, pictures and video",
  );
  const asked = element("div", { class: "row" }, cancel, sure);
  cancel.addEventListener("click", () => {
    asked.replaceWith(button);
    button.focus();
  });
  button.replaceWith(asked);
  cancel.focus();
}

/** Cancel a job under way, or delete one that has ended. */
async function end(job, place) {
  const failed = element("div");
  try {
    const answer = await ask(`/jobs/${job.job_id}`, { method: "DELETE" });
    const { status } = await answer.json();
    announce(`The job is ${status}.`);
    if (status === "deleted") location.hash = "";
  } catch (problem) {
    place.append(failed);
    showFailure(failed, problem, () => {
      failed.remove();
      end(job, place);
    });
  }
}
