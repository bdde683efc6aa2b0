// The video itself, with the faces marked, or why it cannot be shown.

import { askJson } from "./api.js";
import { boxes } from "./boxes.js";
import { element } from "./element.js";

const GONE = {
  keep: "The video is not kept any more.",
  delete_upload: "The video was deleted when the job ended, as asked. The times still refer to it.",
  zero: "The video was deleted at once, as asked. The times still refer to it.",
};

/** A player for the stored upload, or for the file that was sent from this tab. */
export function player(job, clock, file) {
  const { media } = job.result;
  const local = file && URL.createObjectURL(file);
  if (local) clock.signal.addEventListener("abort", () => URL.revokeObjectURL(local));
  const source = job.video_url ?? local;
  if (!source) return missing(GONE[job.options.retention]);
  const kind = media.video_codec ? "video" : "audio";
  const video = element(kind, { controls: true, playsinline: true, preload: "auto" });
  video.setAttribute("aria-label", `The ${kind === "video" ? "video" : "sound"} ${media.file}`);
  const stage = element("div", { class: `stage ${kind}` }, video);
  const node = element("div", { class: "player" }, stage);
  if (kind === "video") markFaces(job, clock, stage, node);
  load(video, job, source, () => {
    clock.leave();
    node.replaceChildren(missing(unplayable(media)));
  });
  clock.follow(video);
  return node;
}

function markFaces(job, clock, stage, node) {
  const overlay = boxes(job.result, clock);
  if (!overlay) {
    const words = job.result.people.length
      ? "This result was made without face boxes."
      : "No face was found to mark.";
    node.append(element("p", { class: "hint" }, words));
    return;
  }
  stage.append(overlay);
  const toggle = element("input", { type: "checkbox", checked: true });
  toggle.addEventListener("change", () => overlay.classList.toggle("off", !toggle.checked));
  node.append(element("label", { class: "hint" }, toggle, " mark the faces"));
}

/** A signed address works for minutes only: where it fails, a fresh one is asked for once. */
function load(video, job, source, failed) {
  let fresh = false;
  video.addEventListener("error", async () => {
    if (fresh || !job.video_url) return failed();
    fresh = true;
    const { currentTime } = video;
    try {
      const { video_url } = await askJson(`/jobs/${job.job_id}`);
      if (!video_url) return failed();
      video.src = video_url;
      video.currentTime = currentTime;
    } catch {
      failed();
    }
  });
  video.addEventListener("playing", () => (fresh = false));
  video.src = source;
}

const missing = (words) => element("p", { class: "missing" }, words);

function unplayable(media) {
  const codecs = [media.video_codec, media.audio_codec].filter(Boolean).join(" and ");
  const rest = "Times, scores and pictures below are not affected.";
  return `This browser does not play this file (${codecs}). ${rest}`;
}
