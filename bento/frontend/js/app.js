// Entry point: shows the view that the URL fragment names.

import { showKeyButton } from "./api_key.js";
import { announce } from "./aria_live.js";
import { BatchUpload } from "./batch_upload.js";
import { openBatch } from "./batch_view.js";
import { showError } from "./error_notice.js";
import { openJobList } from "./job_list.js";
import { openJob } from "./job_view.js";
import { initPrinting } from "./print.js";
import { initUploadForm, showLimits } from "./upload_form.js";

const [homeView, historyView, batchView, jobView] = ["home", "history", "batch", "job"].map((id) =>
  document.getElementById(id),
);
const FRAGMENT = /^#(job|batch)=([0-9a-f]{32})$/;

let navigation = new AbortController();
let firstView = true;

const goToJob = (id) => {
  location.hash = `job=${id}`;
};

function startBatch(files, formOf) {
  const upload = new BatchUpload(files, formOf);
  location.hash = `batch=${upload.id}`;
  upload.run();
}

/** Show the view of the current URL and cancel the work of the previous one. */
async function route() {
  navigation.abort();
  navigation = new AbortController();
  const { signal } = navigation;
  const [, kind, id] = FRAGMENT.exec(location.hash) ?? [];
  homeView.hidden = Boolean(kind);
  historyView.hidden = kind === "job";
  batchView.hidden = kind !== "batch";
  jobView.hidden = kind !== "job";
  announce("");
  showKeyButton(route);
  if (kind === "job") await openJob(id, jobView, signal);
  else if (kind === "batch") await openBatch(id, signal);
  else await openHome(signal);
}

async function openHome(signal) {
  document.title = "unmask";
  if (!firstView) document.getElementById("home-title").focus();
  firstView = false;
  try {
    await showLimits();
  } catch (error) {
    if (!signal.aborted) showError(document.getElementById("jobs"), error, route);
    return;
  }
  await openJobList(document.getElementById("jobs"), signal);
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the URL fragment selects the view
  document.getElementById("main").focus();
});
window.addEventListener("hashchange", route);
initUploadForm(goToJob, startBatch);
initPrinting();
route();
