// What a screen reader is told while the eyes see something move.

const region = document.getElementById("live");

/** Say it once; the same words twice in a row are not repeated. */
export function announce(words) {
  if (region.textContent !== words) region.textContent = words;
}
