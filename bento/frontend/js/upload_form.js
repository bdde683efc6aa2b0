// The upload form: choosing a video, its options and submitting it.

import { RequestError, requestJson } from "./api.js";
import { announce } from "./aria_live.js";
import { showError } from "./error_notice.js";
import { formatBytes } from "./format.js";
import { uploadVideo } from "./upload_request.js";

const NO_FILE = "or drop it here";

const byId = (id) => document.getElementById(id);
const dropZone = byId("drop");
const input = byId("file");
const errors = byId("upload-error");

// Files uploaded from this tab, by job id: still playable where the service stores no video
export const sentFiles = new Map();

let selected = null;
let upload = null;
let limits = null;

/** Set up the form; `onSubmitted` is called with the id of a new job. */
export function initUploadForm(onSubmitted) {
  input.addEventListener("change", () => selectFile(input.files));
  for (const kind of ["dragenter", "dragover"])
    dropZone.addEventListener(kind, (event) => highlight(event, true));
  for (const kind of ["dragleave", "drop"])
    dropZone.addEventListener(kind, (event) => highlight(event, false));
  dropZone.addEventListener("drop", (event) => selectFile(event.dataTransfer.files));
  byId("stop").addEventListener("click", () => upload?.abort());
  byId("upload").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(onSubmitted);
  });
}

/** Show the service's limits; throws a RequestError where an API key is required. */
export async function showLimits() {
  limits = await requestJson("/limits");
  const minutes = Math.round(limits.max_duration_s / 60);
  const size = `Up to ${limits.max_upload_mib} MiB and ${minutes} minutes.`;
  byId("limits").textContent = `${size} MP4, MOV, WebM, MKV, AVI and others; audio files too.`;
  byId("keep-days").textContent = `for ${limits.keep_days} days`;
  byId("zero-minutes").textContent = `after ${limits.zero_minutes} minutes`;
}

function highlight(event, isOver) {
  event.preventDefault();
  dropZone.classList.toggle("dragover", isOver);
}

function selectFile(files) {
  errors.replaceChildren();
  if (files.length === 0) return;
  const error = validate(files);
  selected = error ? null : files[0];
  byId("selected").textContent = selected
    ? `${selected.name}, ${formatBytes(selected.size)}`
    : NO_FILE;
  byId("send").disabled = selected === null;
  if (error) showError(errors, error);
  else byId("send").focus();
}

function validate(files) {
  if (files.length > 1)
    return new RequestError(422, "upload one video at a time here; POST /batch accepts several");
  const [file] = files;
  if (file.size === 0)
    return new RequestError(422, `${file.name} is empty (0 bytes) or a folder; choose a video`);
  const maxBytes = limits ? limits.max_upload_mib * 2 ** 20 : Infinity;
  if (file.size <= maxBytes) return null;
  return new RequestError(
    413,
    `${file.name} is ${formatBytes(file.size)}; the limit is ${limits.max_upload_mib} MiB`,
  );
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
  form.append("file", selected);
  return form;
}

async function submit(onSubmitted) {
  if (selected === null) return;
  errors.replaceChildren();
  setUploading(true);
  upload = new AbortController();
  const file = selected;
  try {
    const { job_id } = await uploadVideo(formData(), showProgress, upload.signal);
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
  selected = null;
  input.value = "";
  byId("selected").textContent = NO_FILE;
  byId("send").disabled = true;
}
