// The list of past jobs: a page at a time, by status and verdict.

import { askJson } from "./api.js";
import { element } from "./element.js";
import { showFailure } from "./notice.js";
import { isOpen } from "./watch.js";
import { STATES, VERDICTS, moment, score } from "./words.js";

const LIMIT = 10;
const AGAIN_MS = 4000;
const filters = {
  status: document.getElementById("by-status"),
  verdict: document.getElementById("by-verdict"),
};

let timer = null;
let asking = new AbortController(); // an answer to an older question must not replace a newer one

/** Show the newest jobs in `place`, and keep them fresh while some are under way. */
export async function openHistory(place, signal) {
  const fromStart = () => list(place, 0, signal);
  for (const filter of Object.values(filters)) filter.onchange = fromStart;
  signal.addEventListener("abort", () => clearTimeout(timer));
  await fromStart();
}

async function list(place, offset, signal) {
  clearTimeout(timer);
  asking.abort();
  asking = new AbortController();
  const either = AbortSignal.any([signal, asking.signal]);
  const query = new URLSearchParams({ limit: LIMIT, offset });
  for (const [name, filter] of Object.entries(filters))
    if (filter.value) query.set(name, filter.value);
  try {
    const page = await askJson(`/jobs?${query}`, { signal: either });
    place.replaceChildren(...shown(page, offset, (other) => list(place, other, signal)));
    if (page.jobs.some(isOpen)) refresh(place, offset, signal);
  } catch (problem) {
    if (!either.aborted) showFailure(place, problem, () => list(place, offset, signal));
  }
}

/** Later, and not under the hands of somebody who goes through the list by keyboard. */
function refresh(place, offset, signal) {
  timer = setTimeout(() => {
    if (place.contains(document.activeElement)) refresh(place, offset, signal);
    else list(place, offset, signal);
  }, AGAIN_MS);
}

function shown({ jobs, total, next }, offset, turn) {
  if (total === 0) {
    const filtered = Object.values(filters).some((filter) => filter.value);
    return [
      element(
        "p",
        { class: "empty" },
        filtered ? "No job is like that." : "No jobs yet. The first video starts one.",
      ),
    ];
  }
  const items = element("ul", { class: "jobs" }, ...jobs.map(row));
  const last = offset + jobs.length;
  const pages = element(
    "nav",
    { class: "row pages", "aria-label": "Pages of jobs" },
    element(
      "button",
      { type: "button", disabled: offset === 0, click: () => turn(offset - LIMIT) },
      "Newer",
    ),
    element("span", {}, `${offset + 1}–${last} of ${total}`),
    element(
      "button",
      { type: "button", disabled: next === null, click: () => turn(offset + LIMIT) },
      "Older",
    ),
  );
  return total > LIMIT ? [items, pages] : [items];
}

function row(job) {
  const kind = job.verdict ?? job.status;
  const sign = job.verdict ? VERDICTS[job.verdict].sign : job.status === "failed" ? "✗" : "·";
  const word = job.verdict
    ? `${VERDICTS[job.verdict].word} ${job.fake_probability === null ? "" : score(job.fake_probability)}`
    : STATES[job.status];
  const about = [
    moment(job.created_at),
    job.cached ? "result of an earlier job" : null,
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
      word,
    ),
    element("span", { class: "hint" }, about.join(" · ")),
  );
}
