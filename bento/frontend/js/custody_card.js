// Chain of custody: who asked for the analysis, what made the report, who signed it.

import { card, definitionList, element } from "./dom.js";

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
  const hints = signature ? [signatureHint()] : [];
  return [card("Chain of custody", "custody", definitionList(rows), ...hints)];
}

function signatureHint() {
  const [command, keys] = [code("unmask verify"), code("/report-keys.pem")];
  const parts = ["The report as JSON is signed. ", command, " checks it with the keys at ", keys, "."];
  return element("p", { class: "hint" }, ...parts);
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
