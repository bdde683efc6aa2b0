// A table of jobs: one row for each, with a box that selects it.

import { element } from "./dom.js";
import { REASONS, VERDICTS, formatDateTime, formatScore, formatTimecode } from "./format.js";
import { selectionOf } from "./job_selection.js";

const COLUMNS = ["File", "Outcome", "Probability", "Length", "Submitted"];

/** The rows of a page of jobs; `selection` keeps which of them are selected. */
export function jobTable(jobs, selection) {
  const heads = COLUMNS.map((name) => element("th", { scope: "col" }, name));
  return element(
    "table",
    { class: "jobs" },
    element("caption", { class: "visually-hidden" }, "Jobs"),
    element(
      "thead",
      {},
      element("tr", {}, element("th", { scope: "col" }, selectAll(jobs, selection)), ...heads),
    ),
    element("tbody", {}, ...jobs.map((job) => jobRow(job, selectionOf(job, selection)))),
  );
}

/** A row for a file that became no job. */
export function refusedRow(file, error) {
  const name = element("td", { class: "name" }, file, element("p", { class: "hint" }, error));
  const outcome = element("td", {}, badge("failed", "✗", "refused"));
  return element("tr", {}, element("td"), name, outcome, element("td", { colspan: 3 }));
}

function selectAll(jobs, selection) {
  const select = () => {
    const { checked } = all; // each change below updates the box
    for (const { job_id: id } of jobs) selection.set(id, checked);
  };
  const all = element("input", {
    type: "checkbox",
    "aria-label": "Select all jobs on this page",
    change: select,
  });
  selection.watch(() => {
    const count = jobs.filter(({ job_id: id }) => selection.has(id)).length;
    all.checked = count > 0 && count === jobs.length;
    all.indeterminate = count > 0 && count < jobs.length;
  });
  return all;
}

function jobRow(job, box) {
  const details = [job.cached ? "reused result" : null, job.error].filter(Boolean).join(" · ");
  return element(
    "tr",
    {},
    element("td", {}, box),
    element(
      "td",
      { class: "name" },
      element("a", { href: `#job=${job.job_id}` }, job.file),
      details ? element("p", { class: "hint" }, details) : null,
    ),
    element("td", {}, outcome(job)),
    cell("Probability", probability(job)),
    cell("Length", job.duration_s === null ? "" : formatTimecode(job.duration_s)),
    cell("Submitted", formatDateTime(job.created_at)),
  );
}

const cell = (label, text) => element("td", { class: "number", "data-label": label }, text);

function outcome({ status, verdict, reason }) {
  if (!verdict) return badge(status, status === "failed" ? "✗" : "·", status);
  const { label, sign } = VERDICTS[verdict];
  return badge(verdict, sign, reason ? `${label}: ${REASONS[reason].label}` : label);
}

function badge(kind, sign, label) {
  const mark = element("span", { class: "sign", "aria-hidden": "true" }, sign);
  return element("span", { class: `badge small ${kind}` }, mark, label);
}

function probability({ fake_probability: value, calibration_clips: clips }) {
  return value === null ? "" : formatScore(value, clips);
}
