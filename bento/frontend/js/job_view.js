// One job: in progress, ended without a result, or with one.

import { request, requestJson } from "./api.js";
import { announce } from "./aria_live.js";
import { element } from "./dom.js";
import { reportDownloads } from "./downloads.js";
import { showError } from "./error_notice.js";
import { REASONS, RETENTIONS, VERDICTS, formatBytes, formatDateTime } from "./format.js";
import { isActive, watchJob } from "./job_events.js";
import { JobProgress } from "./job_progress.js";
import { resultView } from "./result_view.js";

/** Show a job in `target` until `signal` is aborted. */
export async function openJob(id, target, signal) {
  const retry = () => openJob(id, target, signal);
  target.replaceChildren(element("p", { class: "hint" }, "Loading the job…"));
  try {
    const job = await requestJson(`/jobs/${id}`, { signal });
    const title = jobHeader(job);
    target.replaceChildren(title);
    title.querySelector("h1").focus();
    if (isActive(job)) await followJob(job, target, signal);
    else await showEndedJob(job, target, signal);
  } catch (error) {
    if (signal.aborted) return;
    document.title = "unmask";
    const notice = element("div");
    target.replaceChildren(backLink(), notice);
    showError(notice, error, retry);
  }
}

function jobHeader(job) {
  document.title = `${job.file} – unmask`;
  const details = [
    `submitted ${formatDateTime(job.created_at)}`,
    formatBytes(job.size_bytes),
    analyzedRange(job.options),
  ].filter(Boolean);
  return element(
    "header",
    { class: "title" },
    backLink(),
    element("h1", { tabindex: -1 }, job.file),
    element("p", { class: "hint" }, details.join(" · ")),
  );
}

const backLink = () => element("p", {}, element("a", { href: "#" }, "← All jobs"));

function analyzedRange({ start_s, end_s }) {
  if (start_s == null && end_s == null) return null;
  return `analyzed from ${start_s ?? 0} s to ${end_s == null ? "the end" : `${end_s} s`}`;
}

async function followJob(job, target, signal) {
  const progress = new JobProgress(() => endJob(job, target));
  target.append(progress.node);
  progress.update(job);
  let latest = job;
  const onUpdate = (state) => {
    latest = state;
    if (isActive(state)) progress.update(state);
  };
  await watchJob(job.job_id, onUpdate, (error) => progress.showConnectionError(error), signal);
  if (signal.aborted) return;
  progress.node.remove();
  await showEndedJob(latest, target, signal);
  target.querySelector("h1").focus();
}

async function showEndedJob(job, target, signal) {
  if (job.status === "done" && !job.result) {
    announce("The report cannot be shown.");
    target.append(reportDownloads(job), unknownReportNotice());
  } else if (job.status === "done") {
    const reason = job.reason ? `, ${REASONS[job.reason].label}` : "";
    announce(`Done. Verdict: ${VERDICTS[job.verdict].label}${reason}.`);
    target.querySelector(".title").append(reportDownloads(job));
    target.append(...resultView(job, signal));
  } else {
    announce(`The job is ${job.status}.`);
    target.append(failureNotice(job));
  }
  target.append(retentionSection(job, target));
}

function unknownReportNotice() {
  const message =
    "Another release of the service made this report, and this one cannot show it. " +
    "Download it as JSON.";
  return element("div", { class: "notice" }, element("p", {}, message));
}

function failureNotice(job) {
  const failed = job.status === "failed";
  const message = failed ? job.error : "The job was cancelled and its upload deleted.";
  return element(
    "div",
    { class: failed ? "notice bad" : "notice" },
    element("strong", {}, failed ? "This video could not be analyzed" : "Cancelled"),
    element("p", {}, message),
    element("p", {}, element("a", { href: "#" }, "Upload another video")),
  );
}

function retentionSection(job, target) {
  const button = element("button", { type: "button", id: "delete" }, "Delete this job");
  const stored =
    job.status === "done" ? RETENTIONS[job.options.retention] : "only this record of the job";
  const until = job.expires_at ? `, until ${formatDateTime(job.expires_at)}` : "";
  const summary = element("p", { class: "hint" }, `Stored: ${stored}${until}.`);
  const section = element(
    "section",
    { class: "retention", "aria-label": "Stored data" },
    summary,
    button,
  );
  button.addEventListener("click", () => confirmDeletion(button, () => endJob(job, target)));
  return section;
}

/** Replace the button by a confirmation before anything is deleted. */
function confirmDeletion(button, deleteJob) {
  const cancel = element("button", { type: "button" }, "Keep it");
  const confirm = element(
    "button",
    { type: "button", class: "danger", click: deleteJob },
    "Delete result, images and video",
  );
  const choices = element("div", { class: "row" }, cancel, confirm);
  cancel.addEventListener("click", () => {
    choices.replaceWith(button);
    button.focus();
  });
  button.replaceWith(choices);
  cancel.focus();
}

/** Cancel an active job, or delete one that has ended. */
async function endJob(job, target) {
  try {
    const response = await request(`/jobs/${job.job_id}`, { method: "DELETE" });
    const { status } = await response.json();
    announce(`The job is ${status}.`);
    if (status === "deleted") location.hash = "";
  } catch (error) {
    const notice = element("div");
    target.append(notice);
    showError(notice, error, () => {
      notice.remove();
      endJob(job, target);
    });
  }
}
