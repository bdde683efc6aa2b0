// What can be taken away. It is fetched first, since a plain link could send no key.

import { ask } from "./api.js";
import { card, element } from "./element.js";
import { announce } from "./live.js";
import { showFailure } from "./notice.js";

export function downloads(job) {
  const short = job.job_id.slice(0, 8);
  const failed = element("div");
  const offer = (words, path, name, kind = "") => {
    const act = () => save(`/jobs/${job.job_id}/${path}`, name, failed);
    return element("button", { type: "button", class: kind, click: act }, words);
  };
  const pictures = job.evidence.map(({ name }) =>
    element("li", {}, offer(name, `evidence/${name}.png`, `unmask-${short}-${name}.png`, "link")),
  );
  const main = [
    offer("Report as PDF", "report.pdf", `unmask-${short}.pdf`, "primary"),
    offer("Report as JSON", "report.json", `unmask-${short}.json`),
  ];
  const list = element("ul", { class: "files" }, ...pictures);
  const summary = element("summary", {}, `Evidence pictures (${pictures.length})`);
  const rest = pictures.length ? [element("details", {}, summary, list)] : [];
  return card("Downloads", "downloads", element("div", { class: "row" }, ...main), ...rest, failed);
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
