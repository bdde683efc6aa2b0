// The page's beginning: which view the address names.

import { openHistory } from "./history.js";
import { openJob } from "./job.js";
import { offerKey } from "./key.js";
import { announce } from "./live.js";
import { showFailure } from "./notice.js";
import { showLimits, startForm } from "./upload.js";

const home = document.getElementById("home");
const place = document.getElementById("job");
const JOB = /^#job=([0-9a-f]{32})$/;

let leaving = new AbortController();
let first = true;

const go = (id) => {
  location.hash = `job=${id}`;
};

/** Show what the address names; what the view before was doing ends. */
async function route() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const id = JOB.exec(location.hash)?.[1];
  home.hidden = Boolean(id);
  place.hidden = !id;
  announce("");
  offerKey(route);
  if (id) await openJob(id, place, signal);
  else await openHome(signal);
}

async function openHome(signal) {
  document.title = "unmask";
  if (!first) document.getElementById("home-title").focus();
  first = false;
  try {
    await showLimits();
  } catch (problem) {
    if (!signal.aborted) showFailure(document.getElementById("jobs"), problem, route);
    return;
  }
  await openHistory(document.getElementById("jobs"), signal);
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view
  document.getElementById("main").focus();
});
window.addEventListener("hashchange", route);
startForm(go);
route();
