// What can be taken away. It is fetched first, since a plain link could send no key.

import { ask } from "./api.js";
import { element } from "./element.js";
import { announce } from "./live.js";
import { showFailure } from "./notice.js";

/** The report, to print and to process. */
export function reports(job) {
  const failed = element("div");
  const row = element(
    "div",
    { class: "row", role: "group", "aria-label": "Download the report" },
    offer(job, "Report as PDF", "report.pdf", failed, "primary"),
    offer(job, "Report as JSON", "report.json", failed),
  );
  return element("div", { class: "reports" }, row, failed);
}

/** Every evidence picture, one by one. */
export function pictures(job) {
  if (job.evidence.length === 0) return [];
  const failed = element("div");
  const items = job.evidence.map(({ name }) =>
    element("li", {}, offer(job, `${name}.png`, `evidence/${name}.png`, failed, "link")),
  );
  const summary = element("summary", {}, `Download the pictures (${items.length})`);
  return [element("details", {}, summary, element("ul", { class: "files" }, ...items), failed)];
}

function offer(job, words, path, failed, kind = "") {
  const name = `unmask-${job.job_id.slice(0, 8)}-${path.split("/").at(-1)}`;
  const act = () => save(`/jobs/${job.job_id}/${path}`, name, failed);
  return element("button", { type: "button", class: kind, click: act }, words);
}

async function save(path, name, failed) {
  failed.replaceChildren();
  try {
    const address = URL.createObjectURL(await (await ask(path)).blob());
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser has it by then
    announce(`${name} is saved.`);
  } catch (problem) {
    showFailure(failed, problem, () => save(path, name, failed));
  }
}
