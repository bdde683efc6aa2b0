// Provenance of the file: Content Credentials, and what its metadata say.

import { card, definitionList, element } from "./dom.js";

const STATES = {
  trusted: "intact, signer on the trust list",
  valid: "intact, signer unknown",
  invalid: "do not hold",
  absent: "none",
  remote: "stored elsewhere, not fetched",
  unreadable: "cannot be read",
  unsupported: "not searched in this format",
  not_checked: "not checked",
};

/** The card, in a list; none for a report of an earlier release. */
export function provenanceCards(job) {
  const { provenance } = job.result;
  if (!provenance) return [];
  const { credentials, traces, messages } = provenance;
  const rows = [
    ["Content Credentials", STATES[credentials.validation ?? credentials.status]],
    ["Signed by", joined([credentials.signer, credentials.organization])],
    ["Signed at", credentials.signed_at],
    ["Made with", credentials.generator],
    ["Failed checks", list(credentials.failures, ({ code, message }) => `${code}: ${message}`)],
    ["Claimed actions", list(credentials.actions, describeAction)],
    ["Claimed ingredients", list(credentials.ingredients, (item) => ingredient(item, job))],
    ["Container", traces.container],
    ["Written by", traces.encoder],
    ["Video encoder", traces.encoder_settings],
    ["Device", traces.device],
    ["Editing programs", joined(traces.software)],
    ["Created", traces.created_at],
  ];
  const lines = messages.map((message) => element("p", {}, message));
  return [card("Provenance", "provenance", ...lines, definitionList(rows))];
}

function describeAction({ action, description, software, source_type: type, when }) {
  return joined([action, description, software, type, when]);
}

function ingredient({ title, thumbnail }, job) {
  const name = title ?? "without a name";
  const image = job.evidence.find((item) => `${item.name}.png` === thumbnail);
  if (!image) return name;
  const alt = `Thumbnail of ${name}`;
  return [name, element("img", { src: image.url, alt, width: 120, loading: "lazy" })];
}

function joined(parts) {
  return [...new Set(parts.filter(Boolean))].join(", ") || null;
}

function list(items, describe) {
  if (items.length === 0) return null;
  const entries = items.map((item) => element("li", {}, ...[describe(item)].flat()));
  return element("ul", {}, ...entries);
}
