// Which jobs are selected, and what can be done with them at once.

import { requestJson } from "./api.js";
import { announce } from "./aria_live.js";
import { element } from "./dom.js";
import { saveFile } from "./downloads.js";
import { showError } from "./error_notice.js";

const MAX_SELECTED = 100; // of one request
const FORMATS = ["CSV", "JSON", "ZIP"];

/** Ids of selected jobs, kept from page to page. */
export class Selection {
  #ids = new Set();
  #watchers = [];

  has = (id) => this.#ids.has(id);

  get ids() {
    return [...this.#ids];
  }

  set(id, isSelected) {
    if (isSelected) this.#ids.add(id);
    else this.#ids.delete(id);
    this.#notify();
  }

  clear() {
    this.#ids.clear();
    this.#notify();
  }

  /** Call `watcher` now and after every change. */
  watch(watcher) {
    this.#watchers.push(watcher);
    watcher();
  }

  /** Forget the watchers of a table that is no longer shown. */
  unwatchAll() {
    this.#watchers = [];
  }

  #notify() {
    for (const watcher of this.#watchers) watcher();
  }
}

/** The box that selects a job. */
export function selectionOf(job, selection) {
  const box = element("input", {
    type: "checkbox",
    "aria-label": `Select ${job.file}`,
    change: () => selection.set(job.job_id, box.checked),
  });
  selection.watch(() => {
    box.checked = selection.has(job.job_id);
  });
  return box;
}

/** Buttons that export the selected jobs, or without a selection all that match, and delete them.
 *
 * @param {Selection} selection
 * @param {URLSearchParams} query filter of the list
 * @param {number} total number of jobs that match
 * @param {() => void} reload shows the list again
 */
export function selectionActions(selection, query, total, reload) {
  const errors = element("div");
  const state = element("span", { class: "hint", role: "status" });
  const exports = FORMATS.map((name) =>
    element(
      "button",
      { type: "button", click: () => exportJobs(name.toLowerCase(), selection, query, errors) },
      `Export ${name}`,
    ),
  );
  const remove = element("button", { type: "button", class: "danger" }, "Delete selected");
  remove.addEventListener("click", () => confirmDeletion(remove, selection, errors, reload));
  selection.watch(() => {
    const { length } = selection.ids;
    state.textContent = length ? `${length} selected` : `All ${total} are exported; none selected`;
    remove.disabled = length === 0;
  });
  const row = element(
    "div",
    { class: "row selection", role: "group", "aria-label": "Selected jobs" },
    ...exports,
    remove,
    state,
  );
  return element("div", {}, row, errors);
}

async function exportJobs(format, selection, query, errors) {
  const selected = selection.ids.slice(0, MAX_SELECTED);
  const wanted = new URLSearchParams(selected.length ? {} : query);
  for (const id of selected) wanted.append("ids", id);
  if (query.get("sort")) wanted.set("sort", query.get("sort"));
  wanted.set("format", format);
  await saveFile(`/jobs/export?${wanted}`, `unmask-jobs.${format}`, errors);
}

function confirmDeletion(button, selection, errors, reload) {
  const { ids } = selection;
  const keep = element("button", { type: "button" }, "Keep them");
  const label = `Delete ${ids.length} ${ids.length === 1 ? "job" : "jobs"} with video and images`;
  const remove = element("button", { type: "button", class: "danger" }, label);
  const choices = element("span", { class: "row" }, keep, remove);
  const restore = () => choices.replaceWith(button);
  keep.addEventListener("click", () => {
    restore();
    button.focus();
  });
  remove.addEventListener("click", async () => {
    restore();
    await deleteJobs(ids, selection, errors, reload);
  });
  button.replaceWith(choices);
  keep.focus();
}

async function deleteJobs(ids, selection, errors, reload) {
  errors.replaceChildren();
  try {
    for (let start = 0; start < ids.length; start += MAX_SELECTED) {
      const query = new URLSearchParams();
      for (const id of ids.slice(start, start + MAX_SELECTED)) query.append("ids", id);
      await requestJson(`/jobs?${query}`, { method: "DELETE" });
    }
    selection.clear();
    announce("The selected jobs are deleted.");
    reload();
  } catch (error) {
    showError(errors, error, () => deleteJobs(ids, selection, errors, reload));
  }
}
