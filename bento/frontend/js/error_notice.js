// Error notices: what happened and what the user can do.

import { RequestError } from "./api.js";
import { promptForKey } from "./api_key.js";
import { element } from "./dom.js";

/** Show an error in `target`; `retry` repeats the failed action. */
export function showError(target, error, retry) {
  const title = error instanceof RequestError ? error.title : "Error on this page";
  const notice = element(
    "div",
    { class: "notice bad", role: "alert" },
    element("strong", {}, title),
    element("p", {}, error.message),
    ...remedies(error, retry),
  );
  target.replaceChildren(notice);
}

function remedies(error, retry) {
  if (!retry) return [];
  if (error.status === 401) return [button("Enter API key", () => promptForKey(retry))];
  return [413, 404, 422].includes(error.status) ? [] : [button("Try again", retry)];
}

const button = (label, click) => element("button", { type: "button", click }, label);
