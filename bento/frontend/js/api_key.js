// The API key, kept in this tab's session storage only.

const STORAGE_KEY = "unmask-key";
const dialog = document.getElementById("key");
const field = document.getElementById("key-value");
const openButton = document.getElementById("key-open");

/** Whether this tab has a key. */
export const hasKey = () => sessionStorage.getItem(STORAGE_KEY) !== null;

export function keyHeaders() {
  const key = sessionStorage.getItem(STORAGE_KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Ask the user for a key; call `onEntered` once there is one. */
export function promptForKey(onEntered) {
  openButton.hidden = false;
  field.value = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "entered") return;
    dialog.returnValue = "";
    onEntered();
  };
  dialog.showModal();
}

/** Show the button that changes the key if this tab has one. */
export function showKeyButton(onEntered) {
  openButton.hidden = !hasKey();
  openButton.onclick = () => promptForKey(onEntered);
}

document.getElementById("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(STORAGE_KEY, field.value.trim());
  dialog.close("entered");
});
document.getElementById("key-cancel").addEventListener("click", () => dialog.close(""));
