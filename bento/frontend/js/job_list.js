// The list of jobs, paged and filtered by status and verdict.

import { requestJson } from "./api.js";
import { element } from "./dom.js";
import { showError } from "./error_notice.js";
import { REASONS, VERDICTS, formatDateTime, formatScore } from "./format.js";
import { isActive } from "./job_events.js";

const PAGE_SIZE = 10;
const REFRESH_MS = 4000;
const filters = {
  status: document.getElementById("by-status"),
  verdict: document.getElementById("by-verdict"),
};

let timer = null;
let loading = new AbortController(); // an older response must not replace a newer one

/** Show the newest jobs in `target`; refresh them while any is queued or running. */
export async function openJobList(target, signal) {
  const loadFirst = () => loadPage(target, 0, signal);
  for (const filter of Object.values(filters)) filter.onchange = loadFirst;
  signal.addEventListener("abort", () => clearTimeout(timer));
  await loadFirst();
}

async function loadPage(target, offset, signal) {
  clearTimeout(timer);
  loading.abort();
  loading = new AbortController();
  const combined = AbortSignal.any([signal, loading.signal]);
  const query = new URLSearchParams({ limit: PAGE_SIZE, offset });
  for (const [name, filter] of Object.entries(filters))
    if (filter.value) query.set(name, filter.value);
  try {
    const page = await requestJson(`/jobs?${query}`, { signal: combined });
    target.replaceChildren(...renderPage(page, offset, (other) => loadPage(target, other, signal)));
    if (page.jobs.some(isActive)) scheduleRefresh(target, offset, signal);
  } catch (error) {
    if (!combined.aborted) showError(target, error, () => loadPage(target, offset, signal));
  }
}

/** Refresh after a pause, but not while keyboard focus is inside the list. */
function scheduleRefresh(target, offset, signal) {
  timer = setTimeout(() => {
    if (target.contains(document.activeElement)) scheduleRefresh(target, offset, signal);
    else loadPage(target, offset, signal);
  }, REFRESH_MS);
}

function renderPage({ jobs, total, next }, offset, goTo) {
  if (total === 0) {
    const filtered = Object.values(filters).some((filter) => filter.value);
    return [
      element(
        "p",
        { class: "empty" },
        filtered ? "No jobs match this filter." : "No jobs yet. Upload a video to start one.",
      ),
    ];
  }
  const items = element("ul", { class: "jobs" }, ...jobs.map(jobItem));
  const last = offset + jobs.length;
  const pages = element(
    "nav",
    { class: "row pages", "aria-label": "Pages of jobs" },
    element(
      "button",
      { type: "button", disabled: offset === 0, click: () => goTo(offset - PAGE_SIZE) },
      "Newer",
    ),
    element("span", {}, `${offset + 1}–${last} of ${total}`),
    element(
      "button",
      { type: "button", disabled: next === null, click: () => goTo(offset + PAGE_SIZE) },
      "Older",
    ),
  );
  return total > PAGE_SIZE ? [items, pages] : [items];
}

function jobItem(job) {
  const kind = job.verdict ?? job.status;
  const sign = job.verdict ? VERDICTS[job.verdict].sign : job.status === "failed" ? "✗" : "·";
  const label = job.verdict ? verdictLabel(job) : job.status;
  const details = [
    formatDateTime(job.created_at),
    job.cached ? "reused result" : null,
    job.error,
  ].filter(Boolean);
  return element(
    "li",
    {},
    element("a", { href: `#job=${job.job_id}` }, job.file),
    element(
      "span",
      { class: `badge small ${kind}` },
      element("span", { class: "sign", "aria-hidden": "true" }, sign),
      label,
    ),
    element("span", { class: "hint" }, details.join(" · ")),
  );
}

/** The verdict with its probability, or with the reason why it is inconclusive. */
function verdictLabel({ verdict, reason, fake_probability: probability, calibration_clips }) {
  const { label } = VERDICTS[verdict];
  if (reason) return `${label}: ${REASONS[reason].label}`;
  return probability === null ? label : `${label} ${formatScore(probability, calibration_clips)}`;
}
