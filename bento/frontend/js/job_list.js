// The list of jobs: searched, filtered, sorted and paged by the service.

import { requestJson } from "./api.js";
import { element } from "./dom.js";
import { showError } from "./error_notice.js";
import { isActive } from "./job_events.js";
import { Selection, selectionActions } from "./job_selection.js";
import { jobTable } from "./job_table.js";

const PAGE_SIZE = 10;
const REFRESH_MS = 4000;
const SEARCH_PAUSE_MS = 300;
const FILTERS = { status: "by-status", verdict: "by-verdict", sort: "by-sort" };
const filters = Object.entries(FILTERS).map(([name, id]) => [name, document.getElementById(id)]);
const search = document.getElementById("by-name");

let timer = null;
let searchTimer = null;
let loading = new AbortController(); // an older response must not replace a newer one

/** Show the jobs, or those of a batch, in `target`; refresh them while any is queued or running. */
export async function openJobList(target, signal, batch = null) {
  const list = { target, signal, batch, selection: new Selection() };
  const loadFirst = () => loadPage(list, 0);
  for (const [, filter] of filters) filter.onchange = loadFirst;
  search.oninput = () => {
    clearTimeout(searchTimer);
    searchTimer = setTimeout(loadFirst, SEARCH_PAUSE_MS);
  };
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    clearTimeout(searchTimer);
  });
  await loadFirst();
}

async function loadPage(list, offset) {
  clearTimeout(timer);
  loading.abort();
  loading = new AbortController();
  const combined = AbortSignal.any([list.signal, loading.signal]);
  const query = listQuery(list);
  const reload = () => loadPage(list, offset);
  try {
    const window = new URLSearchParams({ limit: PAGE_SIZE, offset });
    const page = await requestJson(`/jobs?${query}&${window}`, { signal: combined });
    if (page.jobs.length === 0 && offset > 0) return await loadPage(list, 0);
    list.selection.unwatchAll();
    list.target.replaceChildren(...renderPage(list, page, offset, query));
    if (page.jobs.some(isActive)) scheduleRefresh(list, offset);
  } catch (error) {
    if (!combined.aborted) showError(list.target, error, reload);
  }
}

function listQuery({ batch }) {
  const query = new URLSearchParams();
  for (const [name, filter] of filters) if (filter.value) query.set(name, filter.value);
  if (search.value.trim()) query.set("search", search.value.trim());
  if (batch) query.set("batch", batch);
  return query;
}

/** Refresh after a pause, but not while keyboard focus is inside the list. */
function scheduleRefresh(list, offset) {
  timer = setTimeout(() => {
    if (list.target.contains(document.activeElement)) scheduleRefresh(list, offset);
    else loadPage(list, offset);
  }, REFRESH_MS);
}

function renderPage(list, { jobs, total, next }, offset, query) {
  if (total === 0) return [element("p", { class: "empty" }, emptyText(list, query))];
  const reload = () => loadPage(list, offset);
  const actions = selectionActions(list.selection, query, total, reload);
  const shown = [actions, jobTable(jobs, list.selection)];
  return total > PAGE_SIZE ? [...shown, pager(list, jobs.length, total, next, offset)] : shown;
}

function emptyText({ batch }, query) {
  const isFiltered = ["status", "verdict", "search"].some((name) => query.has(name));
  if (isFiltered) return "No jobs match this filter.";
  return batch ? "This batch has no jobs." : "No jobs yet. Upload a video to start one.";
}

function pager(list, count, total, next, offset) {
  const button = (label, disabled, other) =>
    element("button", { type: "button", disabled, click: () => loadPage(list, other) }, label);
  return element(
    "nav",
    { class: "row pages", "aria-label": "Pages of jobs" },
    button("Previous", offset === 0, offset - PAGE_SIZE),
    element("span", {}, `${offset + 1}–${offset + count} of ${total}`),
    button("Next", next === null, offset + PAGE_SIZE),
  );
}
