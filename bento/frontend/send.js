// An upload with its progress, which fetch cannot tell.

import { Problem, refusal } from "./api.js";
import { keyHeaders } from "./key.js";

const BROKEN =
  "The connection broke during the upload. A service that takes no video of this size ends it so, too.";

/** Submit a video; gives what the service answers.
 *
 * @param {FormData} form fields of `POST /analyze-video`
 * @param {(share: number) => void} told share that has been sent, 0 to 1
 * @param {AbortSignal} signal ends the upload
 */
export function send(form, told, signal) {
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    request.onload = () => settle(request, resolve, reject);
    request.onerror = () => {
      const problem = new Problem(0);
      problem.message = navigator.onLine ? BROKEN : problem.message;
      reject(problem);
    };
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
  });
  request.upload.onprogress = (event) => told(event.loaded / event.total);
  signal.addEventListener("abort", () => request.abort());
  request.open("POST", "/analyze-video");
  for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
  request.send(form);
  return answer;
}

function settle(request, resolve, reject) {
  if (request.status === 202) resolve(JSON.parse(request.responseText));
  else
    reject(refusal(request.status, request.responseText, request.getResponseHeader("Retry-After")));
}
