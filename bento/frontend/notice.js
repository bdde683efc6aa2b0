// A failure as the user sees it: what happened, and what can be done.

import { Problem } from "./api.js";
import { element } from "./element.js";
import { askForKey } from "./key.js";

/** Put a failure into `place`; `again` repeats what failed. */
export function showFailure(place, failure, again) {
  const title = failure instanceof Problem ? failure.title : "The page failed";
  const box = element(
    "div",
    { class: "notice bad", role: "alert" },
    element("strong", {}, title),
    element("p", {}, failure.message),
    ...remedies(failure, again),
  );
  place.replaceChildren(box);
}

function remedies(failure, again) {
  if (!again) return [];
  if (failure.status === 401) return [button("Enter API key", () => askForKey(again))];
  return [413, 404, 422].includes(failure.status) ? [] : [button("Try again", again)];
}

const button = (words, act) => element("button", { type: "button", click: act }, words);
