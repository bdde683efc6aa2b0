// Chain of custody: who asked for the analysis, what made the report, who signed it.

import { card, definitionList, element } from "./dom.js";

const HINT =
  "The report as JSON is signed. `unmask verify` checks it with the keys at /report-keys.pem.";

/** The card, in a list; none for a report of an earlier release. */
export function custodyCards({ custody, signature }) {
  if (!custody) return [];
  const rows = [
    ["Case number", custody.case_number],
    ["Operator", custody.operator],
    ["File received", formatTime(custody.received_at)],
    ["Analyzed", `${formatTime(custody.started_at)} to ${formatTime(custody.finished_at)}`],
    ["Settings", code(custody.settings_sha256)],
    ["Versions", formatVersions(custody.versions)],
    ["Signed with key", signature ? code(signature.key_id) : "not signed"],
  ];
  const hint = signature ? element("p", { class: "hint" }, HINT) : null;
  return [card("Chain of custody", "custody", definitionList(rows), hint)];
}

function formatTime(time) {
  return time ? `${time.slice(0, 19).replace("T", " ")} UTC` : null;
}

function formatVersions(versions) {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

const code = (text) => element("code", {}, text);
