// The API key, where the service asks for one: kept for this tab alone.

const STORED = "unmask-key";
const dialog = document.getElementById("key");
const field = document.getElementById("key-value");
const opener = document.getElementById("key-open");

export function keyHeaders() {
  const key = sessionStorage.getItem(STORED);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Let the user enter a key; `then` is called once there is one. */
export function askForKey(then) {
  opener.hidden = false;
  field.value = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "entered") return;
    dialog.returnValue = "";
    then();
  };
  dialog.showModal();
}

/** Show the button for another key, where this tab has used one. */
export function offerKey(then) {
  opener.hidden = sessionStorage.getItem(STORED) === null;
  opener.onclick = () => askForKey(then);
}

document.getElementById("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(STORED, field.value.trim());
  dialog.close("entered");
});
document.getElementById("key-cancel").addEventListener("click", () => dialog.close(""));
