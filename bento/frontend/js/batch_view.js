// A batch: its upload, the files that were refused, and its jobs.

import { announce } from "./aria_live.js";
import { uploads } from "./batch_upload.js";
import { element } from "./dom.js";
import { showError } from "./error_notice.js";
import { openJobList } from "./job_list.js";
import { refusedRow } from "./job_table.js";

const RELOAD_MS = 1000;

/** Show a batch until `signal` is aborted. */
export async function openBatch(id, signal) {
  document.title = "Batch – unmask";
  document.getElementById("batch-title").focus();
  const target = document.getElementById("batch-progress");
  const jobs = document.getElementById("jobs");
  target.replaceChildren();
  const upload = uploads.get(id);
  if (upload) followUpload(upload, target, signal, () => openJobList(jobs, signal, id));
  await openJobList(jobs, signal, id);
}

function followUpload(upload, target, signal, reload) {
  let shown = upload.done;
  let timer = null;
  const update = () => {
    if (signal.aborted) return;
    target.replaceChildren(...renderUpload(upload, target));
    if (upload.done !== shown) {
      shown = upload.done;
      clearTimeout(timer);
      timer = setTimeout(() => !signal.aborted && reload(), RELOAD_MS);
      if (!upload.isActive) announce(summary(upload));
    }
  };
  upload.onChange = update;
  signal.addEventListener("abort", () => clearTimeout(timer));
  update();
}

function renderUpload(upload, target) {
  const parts = [element("p", { class: "hint" }, summary(upload))];
  if (upload.isActive) parts.push(progress(upload));
  if (upload.refused.length > 0) parts.push(refusedTable(upload.refused));
  if (upload.error) {
    const notice = element("div");
    showError(notice, upload.error, () => upload.run());
    parts.push(notice);
  }
  return target ? parts : [];
}

function summary({ files, done, refused, waiting, isActive }) {
  const state = isActive ? "Uploading" : "Uploaded";
  const bad = refused.length ? `; ${refused.length} refused` : "";
  const pause = waiting ? ` ${waiting}; the upload goes on shortly.` : "";
  return `${state}: ${done} of ${files.length} files${bad}.${pause}`;
}

function progress(upload) {
  const { files, done, share } = upload;
  const bar = element("progress", {
    max: files.length,
    value: done + share,
    "aria-label": "Uploaded files",
  });
  const stop = element("button", { type: "button", click: () => upload.abort.abort() }, "Stop");
  return element("div", { class: "row" }, bar, stop);
}

function refusedTable(refused) {
  const rows = refused.map(({ file, error }) => refusedRow(file, error));
  const caption = element("caption", {}, "Refused files");
  return element("table", { class: "jobs refused" }, caption, element("tbody", {}, ...rows));
}
