// Boxes around the faces, over the video.

import { drawing } from "./element.js";
import { alarm, band, score } from "./words.js";

const APART_S = 0.5; // a face that is missing for longer is not where it was

/** An overlay in pixels of the shown picture; null where no box is known. */
export function boxes(report, clock) {
  const people = report.people.filter((person) => person.boxes.length > 0);
  if (people.length === 0) return null;
  const { width, height } = report.media;
  const size = Math.max(width, height) / 34;
  const marks = people.map((person) => new Mark(person, alarm(report.model, "video"), size));
  const place = () => marks.forEach((mark) => mark.place(clock.time_s));
  clock.addEventListener("tick", place);
  place();
  const frame = { class: "boxes", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" };
  return drawing("svg", frame, ...marks.map((mark) => mark.node));
}

class Mark {
  constructor(person, above, size) {
    this.person = person;
    this.above = above;
    this.size = size;
    this.under = drawing("rect", { class: "under" });
    this.box = drawing("rect");
    this.words = drawing("text", { "font-size": size });
    this.node = drawing("g", {}, this.under, this.box, this.words);
  }

  place(time_s) {
    const at = where(this.person.boxes, time_s);
    this.node.classList.toggle("away", at === null);
    if (at === null) return;
    for (const rect of [this.under, this.box]) {
      for (const side of ["x", "y", "width", "height"]) rect.setAttribute(side, at[side]);
    }
    const value = this.person.timeline[at.nearest]?.fake_probability ?? null;
    this.words.setAttribute("x", at.x);
    this.words.setAttribute("y", Math.max(at.y - this.size * 0.4, this.size));
    this.words.textContent = `person ${this.person.id} · ${score(value)}`;
    this.node.setAttribute("class", value === null ? "" : band(value, this.above));
  }
}

/** The box at a moment: between two looked-at frames along a straight line. */
export function where(list, time_s) {
  const next = list.findIndex((box) => box.time_s >= time_s);
  const after = list[next === -1 ? list.length - 1 : next];
  const before = list[Math.max(next === -1 ? list.length - 1 : next - 1, 0)];
  const gap_s = after.time_s - before.time_s;
  const far_s = Math.min(Math.abs(after.time_s - time_s), Math.abs(time_s - before.time_s));
  if (gap_s > APART_S ? far_s > 0.1 : far_s > APART_S / 2) return null;
  const share = gap_s === 0 ? 0 : Math.min(Math.max((time_s - before.time_s) / gap_s, 0), 1);
  const from = gap_s > APART_S ? (share < 0.5 ? before : after) : null;
  const between = (side) =>
    from ? from[side] : before[side] + (after[side] - before[side]) * share;
  const nearest = list.indexOf(share < 0.5 ? before : after);
  return {
    x: between("x"),
    y: between("y"),
    width: between("width"),
    height: between("height"),
    nearest,
  };
}
