// Bounding boxes around the faces, drawn over the video.

import { svgElement } from "./dom.js";
import { formatScore, level, segmentThreshold } from "./format.js";

const MAX_GAP_S = 0.5; // a face that is missing for longer has no known position

/** An SVG overlay in pixels of the displayed frame; null if no box is known. */
export function faceBoxes(report, playhead) {
  const people = report.people.filter((person) => person.boxes.length > 0);
  if (people.length === 0) return null;
  const { width, height } = report.media;
  const fontSize = Math.max(width, height) / 34;
  const boxes = people.map((person) => new FaceBox(person, report.model, fontSize));
  const update = () => boxes.forEach((box) => box.update(playhead.time_s));
  playhead.addEventListener("tick", update);
  update();
  const attributes = {
    class: "face-boxes",
    viewBox: `0 0 ${width} ${height}`,
    "aria-hidden": "true",
  };
  return svgElement("svg", attributes, ...boxes.map((box) => box.node));
}

class FaceBox {
  constructor(person, model, fontSize) {
    this.person = person;
    this.threshold = segmentThreshold(model, "video");
    this.promise = model.promise;
    this.fontSize = fontSize;
    this.outline = svgElement("rect", { class: "outline" });
    this.rect = svgElement("rect");
    this.label = svgElement("text", { "font-size": fontSize });
    this.node = svgElement("g", {}, this.outline, this.rect, this.label);
  }

  update(time_s) {
    const box = boxAt(this.person.boxes, time_s);
    this.node.classList.toggle("absent", box === null);
    if (box === null) return;
    for (const rect of [this.outline, this.rect]) {
      for (const side of ["x", "y", "width", "height"]) rect.setAttribute(side, box[side]);
    }
    const score = this.person.timeline[box.nearest]?.fake_probability ?? null;
    this.label.setAttribute("x", box.x);
    this.label.setAttribute("y", Math.max(box.y - this.fontSize * 0.4, this.fontSize));
    this.label.textContent = `person ${this.person.id} · ${formatScore(score, this.promise)}`;
    this.node.setAttribute("class", score === null ? "" : level(score, this.threshold));
  }
}

/** The box at `time_s`, linearly interpolated between sampled frames; null if out of view. */
export function boxAt(boxes, time_s) {
  const next = boxes.findIndex((box) => box.time_s >= time_s);
  const after = boxes[next === -1 ? boxes.length - 1 : next];
  const before = boxes[Math.max(next === -1 ? boxes.length - 1 : next - 1, 0)];
  const gap_s = after.time_s - before.time_s;
  const distance_s = Math.min(Math.abs(after.time_s - time_s), Math.abs(time_s - before.time_s));
  if (gap_s > MAX_GAP_S ? distance_s > 0.1 : distance_s > MAX_GAP_S / 2) return null;
  const share = gap_s === 0 ? 0 : Math.min(Math.max((time_s - before.time_s) / gap_s, 0), 1);
  const fixed = gap_s > MAX_GAP_S ? (share < 0.5 ? before : after) : null;
  const interpolate = (side) =>
    fixed ? fixed[side] : before[side] + (after[side] - before[side]) * share;
  const nearest = boxes.indexOf(share < 0.5 ? before : after);
  return {
    x: interpolate("x"),
    y: interpolate("y"),
    width: interpolate("width"),
    height: interpolate("height"),
    nearest,
  };
}
