// The video player with face boxes, or the reason why there is no video.

import { requestJson } from "./api.js";
import { element } from "./dom.js";
import { faceBoxes } from "./face_boxes.js";

const DELETED = {
  keep: "The video is no longer stored.",
  delete_upload:
    "The video was deleted after the analysis, as requested. The times below still refer to it.",
  zero: "The video was deleted immediately, as requested. The times below still refer to it.",
};

/** A player for the stored upload, or for the file that was uploaded from this tab. */
export function player(job, playhead, file) {
  const { media } = job.result;
  const localUrl = file && URL.createObjectURL(file);
  if (localUrl) playhead.signal.addEventListener("abort", () => URL.revokeObjectURL(localUrl));
  const source = job.video_url ?? localUrl;
  if (!source) return placeholder(DELETED[job.options.retention]);
  const kind = media.video_codec ? "video" : "audio";
  const video = element(kind, { controls: true, playsinline: true, preload: "auto" });
  video.setAttribute("aria-label", `${kind === "video" ? "Video" : "Audio"} ${media.file}`);
  const stage = element("div", { class: `stage ${kind}` }, video);
  if (kind === "video") shapeStage(stage, media);
  const node = element("div", { class: "player" }, stage);
  if (kind === "video") addFaceBoxes(job, playhead, stage, node);
  loadVideo(video, job, source, () => {
    playhead.detach();
    node.replaceChildren(placeholder(unplayableMessage(media)));
  });
  playhead.attach(video);
  return node;
}

/** Give the stage the shape of the analyzed picture, so that boxes and picture coincide. */
function shapeStage(stage, { width, height }) {
  stage.style.setProperty("--shown-ratio", width / height);
}

function addFaceBoxes(job, playhead, stage, node) {
  const overlay = faceBoxes(job.result, playhead);
  if (!overlay) {
    const message = job.result.quality.frames_with_face
      ? "This result has no face boxes."
      : "No face was detected.";
    node.append(element("p", { class: "hint" }, message));
    return;
  }
  stage.append(overlay);
  const toggle = element("input", { type: "checkbox", checked: true });
  toggle.addEventListener("change", () => overlay.classList.toggle("off", !toggle.checked));
  node.append(element("label", { class: "hint" }, toggle, " show face boxes"));
}

/** Load the video; signed URLs expire, so request a new one once when loading fails. */
function loadVideo(video, job, source, onFailure) {
  let renewed = false;
  video.addEventListener("error", async () => {
    if (renewed || !job.video_url) return onFailure();
    renewed = true;
    const { currentTime } = video;
    try {
      const { video_url } = await requestJson(`/jobs/${job.job_id}`);
      if (!video_url) return onFailure();
      video.src = video_url;
      video.currentTime = currentTime;
    } catch {
      onFailure();
    }
  });
  video.addEventListener("playing", () => (renewed = false));
  video.src = source;
}

const placeholder = (message) => element("p", { class: "no-video" }, message);

function unplayableMessage(media) {
  const codecs = [media.video_codec, media.audio_codec].filter(Boolean).join(" and ");
  return (
    `This browser cannot play this file (${codecs}). ` +
    "Times, scores and images below are not affected."
  );
}
