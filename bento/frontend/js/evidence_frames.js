// Evidence: the highest-scoring frames beside their heat maps, and the audio waveform.

import { card, element } from "./dom.js";
import { imageDownloads } from "./downloads.js";
import { formatScore, formatTimecode } from "./format.js";

const MAX_FRAMES = 5;

export function evidenceCard(job, playhead) {
  const { evidence, model } = job.result;
  const urls = new Map(job.evidence.map(({ name, url }) => [`${name}.png`, url]));
  const show = (item) => frameItem(item, urls, model.promise, playhead);
  const hasImage = ({ file, original }) => urls.has(file) || urls.has(original);
  const ofKind = (kind) => evidence.filter((item) => item.kind === kind && hasImage(item));
  const heatMaps = ofKind("heat_map");
  const people = [...new Set(heatMaps.map((item) => item.person))];
  const groups = people.map((person) => personFrames(person, heatMaps, show));
  const waveforms = ofKind("sound").map((item) => waveform(item, urls, playhead));
  const isEmpty = groups.length + waveforms.length === 0;
  return card(
    "Evidence",
    "evidence",
    ...(isEmpty ? [element("p", {}, emptyMessage(job))] : []),
    ...groups,
    ...waveforms,
    ...imageDownloads(job),
  );
}

function emptyMessage({ options, result }) {
  if (options.retention === "zero") return "No images were made, as requested.";
  if (result.reason === "demo_model") return "Nothing was scored, so there is nothing to show.";
  if (result.people.length === 0) return "No face was detected, so there are no frames to show.";
  return "This result has no images.";
}

function personFrames(person, heatMaps, show) {
  const frames = heatMaps.filter((item) => item.person === person).slice(0, MAX_FRAMES);
  const count =
    frames.length === 1 ? "highest-scoring frame" : `${frames.length} highest-scoring frames`;
  const hint = element(
    "p",
    { class: "hint" },
    "Left: the original frame. Right: heat map of the regions that raise the fake score; brighter means more. " +
      "A heat map that is no better than random regions is not shown.",
  );
  return element(
    "div",
    { class: "group" },
    element("h3", {}, `Person ${person}: ${count}`),
    hint,
    element("ol", { class: "frames" }, ...frames.map(show)),
  );
}

function frameItem(item, urls, promise, playhead) {
  const image = (file, alt) => urls.has(file) && element("img", { src: urls.get(file), alt });
  const time = formatTimecode(item.time_s);
  const images = [
    image(item.original, `Face of person ${item.person} at ${time}, original`),
    image(item.file, `The same frame with its heat map. ${item.description}`),
  ].filter(Boolean);
  return element(
    "li",
    {},
    element(
      "figure",
      {},
      element("div", { class: "image-pair" }, ...images),
      element(
        "figcaption",
        {},
        jumpButton(item, playhead),
        `, score ${formatScore(item.fake_probability, promise)}`,
        element("p", { class: "hint" }, describe(item)),
      ),
    ),
  );
}

function jumpButton({ time_s }, playhead) {
  const click = () => {
    playhead.seek(time_s);
    const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document
      .querySelector(".timeline-card")
      .scrollIntoView({ behavior: reducedMotion ? "auto" : "smooth" });
  };
  return element(
    "button",
    { type: "button", class: "link", click },
    `Jump to ${formatTimecode(time_s)}`,
  );
}

/** What the image shows and how it was tested; before report schema 4, by blurring. */
function describe({ description, faithfulness, is_supported = null }) {
  const wasBlurred = faithfulness !== null && is_supported === null;
  if (!wasBlurred) return description;
  return `${description} Blurred regions look forged themselves, so this test says little.`;
}

function waveform(item, urls, playhead) {
  const image = element("img", {
    src: urls.get(item.file),
    alt: `Audio waveform from ${formatTimecode(item.time_s)}. ${item.description}`,
  });
  const caption = element("figcaption", {}, jumpButton(item, playhead), `. ${item.description}`);
  return element(
    "div",
    { class: "group" },
    element("h3", {}, "Audio with the highest voice score"),
    element("figure", { class: "waveform-image" }, image, caption),
  );
}
