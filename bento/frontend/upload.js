// The form: a video, its options, and sending it.

import { Problem, askJson } from "./api.js";
import { announce } from "./live.js";
import { showFailure } from "./notice.js";
import { send } from "./send.js";
import { bytes } from "./words.js";

const byId = (id) => document.getElementById(id);
const drop = byId("drop");
const input = byId("file");
const problem = byId("upload-problem");

// What was sent from this tab, by job, so that it can be watched where the service keeps nothing
export const sent = new Map();

let chosen = null;
let stopping = null;
let limits = null;

/** Make the form work; `opened` is called with the id of a new job. */
export function startForm(opened) {
  input.addEventListener("change", () => choose(input.files));
  for (const kind of ["dragenter", "dragover"])
    drop.addEventListener(kind, (event) => hover(event, true));
  for (const kind of ["dragleave", "drop"])
    drop.addEventListener(kind, (event) => hover(event, false));
  drop.addEventListener("drop", (event) => choose(event.dataTransfer.files));
  byId("stop").addEventListener("click", () => stopping?.abort());
  byId("upload").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(opened);
  });
}

/** Say what the service takes; it throws a Problem where the service wants a key first. */
export async function showLimits() {
  limits = await askJson("/limits");
  const minutes = Math.round(limits.max_duration_s / 60);
  const size = `Up to ${limits.max_upload_mib} MiB and ${minutes} minutes.`;
  byId("limits").textContent = `${size} MP4, MOV, WebM, MKV, AVI and others; sound alone too.`;
  byId("keep-days").textContent = `for ${limits.keep_days} days`;
  byId("zero-minutes").textContent = `after ${limits.zero_minutes} minutes`;
}

function hover(event, over) {
  event.preventDefault();
  drop.classList.toggle("over", over);
}

function choose(files) {
  problem.replaceChildren();
  if (files.length === 0) return;
  const refused = unfit(files);
  chosen = refused ? null : files[0];
  byId("chosen").textContent = chosen ? `${chosen.name}, ${bytes(chosen.size)}` : "or drop it here";
  byId("send").disabled = chosen === null;
  if (refused) showFailure(problem, refused);
  else byId("send").focus();
}

function unfit(files) {
  if (files.length > 1) return new Problem(422, "one video at a time here; POST /batch takes many");
  const [file] = files;
  if (file.size === 0)
    return new Problem(422, `${file.name} is empty (0 bytes), or a folder; choose a video`);
  const most = limits ? limits.max_upload_mib * 2 ** 20 : Infinity;
  if (file.size <= most) return null;
  return new Problem(
    413,
    `${file.name} has ${bytes(file.size)}; the service takes ${limits.max_upload_mib} MiB`,
  );
}

function form() {
  const fields = new FormData(); // options first, so that they are known before the long part
  for (const [id, name] of [
    ["start", "start_s"],
    ["end", "end_s"],
  ]) {
    if (byId(id).value !== "") fields.append(name, byId(id).value);
  }
  fields.append("retention", document.querySelector("[name=retention]:checked").value);
  fields.append("file", chosen);
  return fields;
}

async function submit(opened) {
  if (chosen === null) return;
  problem.replaceChildren();
  busy(true);
  stopping = new AbortController();
  const file = chosen;
  try {
    const { job_id } = await send(form(), showSent, stopping.signal);
    sent.set(job_id, file);
    forget();
    opened(job_id);
  } catch (failure) {
    if (failure.name === "AbortError") announce("Stopped; nothing was sent.");
    else showFailure(problem, failure, () => submit(opened));
  } finally {
    busy(false);
  }
}

function showSent(share) {
  byId("sent").value = share;
  byId("sent").textContent = `${Math.floor(share * 100)} %`;
}

function busy(on) {
  showSent(0);
  byId("sending").hidden = !on;
  byId("send").hidden = on;
  input.disabled = on;
  if (on) announce("Sending the video.");
}

function forget() {
  chosen = null;
  input.value = "";
  byId("chosen").textContent = "or drop it here";
  byId("send").disabled = true;
}
