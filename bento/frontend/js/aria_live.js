// Status messages for screen readers.

const region = document.getElementById("live");

/** Announce a message; repeating the same message has no effect. */
export function announce(message) {
  if (region.textContent !== message) region.textContent = message;
}
