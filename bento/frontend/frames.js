// The frames that score highest: where the network looked, beside the picture as it was.

import { pictures } from "./downloads.js";
import { card, element } from "./element.js";
import { clockTime, score, signed } from "./words.js";

const MOST = 5;
const TELLS = 0.1; // log-odds beyond chance; less than that moves a probability by 0.02 at most

export function frames(job, clock) {
  const { result } = job;
  const urls = new Map(job.evidence.map(({ name, url }) => [`${name}.png`, url]));
  const shown = result.evidence.filter((one) => one.kind === "heat_map" && urls.has(one.file));
  const people = [...new Set(shown.map((one) => one.person))];
  const groups = people.map((person) => group(person, shown, urls, clock));
  const sound = result.evidence.filter((one) => one.kind === "sound" && urls.has(one.file));
  const strips = sound.map((one) => strip(one, urls, clock));
  const none = groups.length + strips.length === 0 ? [element("p", {}, absent(job))] : [];
  return card("What to look at", "evidence", ...none, ...groups, ...strips, ...pictures(job));
}

function absent({ options, result }) {
  if (options.retention === "zero") return "No pictures were made, as asked.";
  if (result.people.length === 0) return "No face was found, so there are no frames to show.";
  return "This result has no pictures.";
}

function group(person, shown, urls, clock) {
  const best = shown.filter((one) => one.person === person).slice(0, MOST);
  const title = element(
    "h3",
    {},
    `Person ${person}: the ${best.length === 1 ? "frame" : `${best.length} frames`} with the highest scores`,
  );
  const hint = element(
    "p",
    { class: "hint" },
    "Left as it was; right where the network sees what speaks for a fake, brighter is more.",
  );
  return element(
    "div",
    { class: "group" },
    title,
    hint,
    element("ol", { class: "frames" }, ...best.map((one) => frame(one, urls, clock))),
  );
}

function frame(one, urls, clock) {
  const picture = (file, words) =>
    urls.has(file) && element("img", { src: urls.get(file), alt: words });
  const time = clockTime(one.time_s);
  const pair = [
    picture(one.original, `Face of person ${one.person} at ${time}, as it was`),
    picture(one.file, `The same frame with the heat map. ${one.description}`),
  ].filter(Boolean);
  return element(
    "li",
    {},
    element(
      "figure",
      {},
      element("div", { class: "two" }, ...pair),
      element(
        "figcaption",
        {},
        jump(one, clock),
        ` scores ${score(one.fake_probability)}`,
        tested(one),
      ),
    ),
  );
}

function jump({ time_s }, clock) {
  const go = () => {
    clock.seek(time_s);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.querySelector(".when").scrollIntoView({ behavior: calm ? "auto" : "smooth" });
  };
  return element(
    "button",
    { type: "button", class: "link", click: go },
    `Jump to ${clockTime(time_s)}`,
  );
}

/** How far the map can be believed: what blurring it does, beside blurring as much elsewhere. */
function tested({ faithfulness, random_drop }) {
  if (faithfulness === null) {
    return element(
      "p",
      { class: "hint" },
      "Not tested: in this frame it sees nothing of the kind.",
    );
  }
  const holds = faithfulness - Math.max(random_drop ?? 0, 0) > TELLS;
  const words = `Deletion test: without the bright part the score moves by ${signed(-faithfulness)} log-odds`;
  const beside =
    random_drop === null ? "" : `, without as much elsewhere by ${signed(-random_drop)}`;
  const so = holds ? "the map points at what counts." : "the map explains little of the score.";
  return element("p", { class: "hint" }, `${words}${beside}: ${so}`);
}

function strip(one, urls, clock) {
  const picture = element("img", {
    src: urls.get(one.file),
    alt: `Outline of the sound from ${clockTime(one.time_s)} on. ${one.description}`,
  });
  const caption = element("figcaption", {}, jump(one, clock), ` ${one.description}`);
  return element(
    "div",
    { class: "group" },
    element("h3", {}, "The sound where the voice scores highest"),
    element("figure", { class: "strip" }, picture, caption),
  );
}
