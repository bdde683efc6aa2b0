// The upload form: choosing a video, its options and submitting it.

import { RequestError, requestJson } from "./api.js";
import { announce } from "./aria_live.js";
import { filesOfDrop, isMedia } from "./dropped_files.js";
import { showError } from "./error_notice.js";
import { formatBytes } from "./format.js";
import { uploadVideo } from "./upload_request.js";

const NO_FILE = "or drop files and folders here";

const byId = (id) => document.getElementById(id);
const dropZone = byId("drop");
const input = byId("file");
const errors = byId("upload-error");

// Files uploaded from this tab, by job id: still playable where the service stores no video
export const sentFiles = new Map();

let selected = [];
let upload = null;
let limits = null;

/** Set up the form.
 *
 * @param {(id: string) => void} onSubmitted receives the id of the job of a single video
 * @param {(files: File[], formOf: (file: File, batch: string) => FormData) => void} onBatch uploads several
 */
export function initUploadForm(onSubmitted, onBatch) {
  const folder = byId("folder");
  input.addEventListener("change", () => selectFiles([...input.files]));
  folder.addEventListener("change", () => selectFiles([...folder.files].filter(isMedia)));
  byId("choose-folder").addEventListener("click", () => folder.click());
  for (const kind of ["dragenter", "dragover"])
    dropZone.addEventListener(kind, (event) => highlight(event, true));
  for (const kind of ["dragleave", "drop"])
    dropZone.addEventListener(kind, (event) => highlight(event, false));
  dropZone.addEventListener("drop", async (event) =>
    selectFiles(await filesOfDrop(event.dataTransfer)),
  );
  byId("stop").addEventListener("click", () => upload?.abort());
  byId("upload").addEventListener("submit", (event) => {
    event.preventDefault();
    if (selected.length > 1) submitBatch(onBatch);
    else submit(onSubmitted);
  });
}

/** Show the service's limits; throws a RequestError where an API key is required. */
export async function showLimits() {
  limits = await requestJson("/limits");
  const minutes = Math.round(limits.max_duration_s / 60);
  const size = `Up to ${formatBytes(maxBytes())} and ${minutes} minutes.`;
  byId("limits").textContent = `${size} MP4, MOV, WebM, MKV, AVI and others; audio files too.`;
  byId("keep-days").textContent = `for ${limits.keep_days} days`;
  byId("zero-minutes").textContent = `after ${limits.zero_minutes} minutes`;
}

function highlight(event, isOver) {
  event.preventDefault();
  dropZone.classList.toggle("dragover", isOver);
}

function selectFiles(files) {
  errors.replaceChildren();
  const error = files.length === 1 ? validate(files[0]) : null;
  const none = files.length === 0 ? new RequestError(422, "there is no video in this folder") : null;
  selected = error || none ? [] : files;
  byId("selected").textContent = describe(selected);
  byId("send").disabled = selected.length === 0;
  if (error || none) showError(errors, error ?? none);
  else byId("send").focus();
}

function describe(files) {
  if (files.length === 0) return NO_FILE;
  const size = formatBytes(files.reduce((sum, file) => sum + file.size, 0));
  return files.length === 1 ? `${files[0].name}, ${size}` : `${files.length} files, ${size}`;
}

function validate(file) {
  if (file.size === 0)
    return new RequestError(422, `${file.name} is empty (0 bytes); choose a video`);
  if (!limits || file.size <= maxBytes()) return null;
  const [size, limit] = [file.size, maxBytes()].map(formatBytes);
  return new RequestError(413, `${file.name} is ${size}; the limit is ${limit}`);
}

const maxBytes = () => limits.max_upload_mib * 2 ** 20;

function submitBatch(onBatch) {
  const fields = [...formData()];
  const files = selected;
  reset();
  onBatch(files, (file, batch) => {
    const form = new FormData();
    for (const [name, value] of [...fields, ["batch_id", batch]]) form.append(name, value);
    form.append("file", file);
    return form;
  });
}

function formData() {
  const form = new FormData(); // options first, so that the service reads them before the file
  for (const [id, name] of [
    ["start", "start_s"],
    ["end", "end_s"],
    ["case-number", "case_number"],
    ["operator", "operator"],
  ]) {
    const value = byId(id).value.trim();
    if (value !== "") form.append(name, value);
  }
  form.append("retention", document.querySelector("[name=retention]:checked").value);
  return form;
}

async function submit(onSubmitted) {
  if (selected.length === 0) return;
  errors.replaceChildren();
  setUploading(true);
  upload = new AbortController();
  const [file] = selected;
  const form = formData();
  form.append("file", file);
  try {
    const { job_id } = await uploadVideo(form, showProgress, upload.signal);
    sentFiles.set(job_id, file);
    reset();
    onSubmitted(job_id);
  } catch (error) {
    if (error.name === "AbortError") announce("Upload stopped; nothing was submitted.");
    else showError(errors, error, () => submit(onSubmitted));
  } finally {
    setUploading(false);
  }
}

function showProgress(share) {
  byId("upload-progress").value = share;
  byId("upload-progress").textContent = `${Math.floor(share * 100)} %`;
}

function setUploading(isUploading) {
  showProgress(0);
  byId("uploading").hidden = !isUploading;
  byId("send").hidden = isUploading;
  input.disabled = isUploading;
  if (isUploading) announce("Uploading the video.");
}

function reset() {
  selected = [];
  input.value = byId("folder").value = "";
  byId("selected").textContent = NO_FILE;
  byId("send").disabled = true;
}
