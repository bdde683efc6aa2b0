// The material, with the verdicts measured on test clips like it; what was tested; attacks.

import { card, element } from "./dom.js";

const EFFECTS_HINT =
  "Test clips like this file in one fact may differ from it in all others. Music, screen " +
  "recordings and blended pictures are not told.";

/** The cards, in a list; none for a report of an earlier release. */
export function materialCards({ quality, model, attack }) {
  return [
    ...effectCards(quality.effects ?? []),
    ...coverageCards(model.coverage),
    ...(attack ? [card("Adversarial attack", "attack", element("p", {}, attack.message))] : []),
  ];
}

function effectCards(effects) {
  if (effects.length === 0) return [];
  const hint = element("p", { class: "hint" }, EFFECTS_HINT);
  const lines = effects.map(({ message }) => message);
  return [card("What the material does to verdicts", "material", list(lines), hint)];
}

function coverageCards(coverage) {
  if (!coverage) return [];
  const names = Object.entries(coverage.untested_generators).map(
    ([family, generators]) => `${family}: ${generators.join(", ")}`,
  );
  const untested = element(
    "details",
    {},
    element("summary", {}, "Published generators without a test clip"),
    list(names),
  );
  return [card("What the detector was tested on", "coverage", list(coverage.messages), untested)];
}

function list(lines) {
  return element("ul", {}, ...lines.map((line) => element("li", {}, line)));
}
