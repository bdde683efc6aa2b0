// Download buttons. Files are fetched first because a plain link cannot send an API key.

import { request } from "./api.js";
import { announce } from "./aria_live.js";
import { element } from "./dom.js";
import { showError } from "./error_notice.js";

/** Buttons for the report as PDF and JSON. */
export function reportDownloads(job) {
  const errors = element("div");
  const row = element(
    "div",
    { class: "row", role: "group", "aria-label": "Download the report" },
    downloadButton(job, "Report as PDF", "report.pdf", errors, "primary"),
    downloadButton(job, "Report as JSON", "report.json", errors),
  );
  return element("div", { class: "reports" }, row, errors);
}

/** A button for each evidence image. */
export function imageDownloads(job) {
  if (job.evidence.length === 0) return [];
  const errors = element("div");
  const items = job.evidence.map(({ name }) =>
    element("li", {}, downloadButton(job, `${name}.png`, `evidence/${name}.png`, errors, "link")),
  );
  const summary = element("summary", {}, `Download the images (${items.length})`);
  return [element("details", {}, summary, element("ul", { class: "files" }, ...items), errors)];
}

function downloadButton(job, label, path, errors, style = "") {
  const name = `unmask-${job.job_id.slice(0, 8)}-${path.split("/").at(-1)}`;
  const click = () => saveFile(`/jobs/${job.job_id}/${path}`, name, errors);
  return element("button", { type: "button", class: style, click }, label);
}

/** Fetch a file and let the browser save it. */
export async function saveFile(path, name, errors) {
  errors.replaceChildren();
  try {
    const url = URL.createObjectURL(await (await request(path)).blob());
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // by then the browser has read it
    announce(`${name} is saved.`);
  } catch (error) {
    showError(errors, error, () => saveFile(path, name, errors));
  }
}
