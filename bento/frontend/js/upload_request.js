// The upload request. XMLHttpRequest reports upload progress; fetch does not.

import { address, RequestError, toRequestError } from "./api.js";
import { keyHeaders } from "./api_key.js";

const CONNECTION_LOST =
  "The connection was lost during the upload. This also happens when the video exceeds the size limit.";

/** Submit a video; resolves to the response of the service.
 *
 * @param {FormData} form fields of `POST /analyze-video`
 * @param {(share: number) => void} onProgress receives the uploaded share, 0 to 1
 * @param {AbortSignal} signal stops the upload
 */
export function uploadVideo(form, onProgress, signal) {
  const request = new XMLHttpRequest();
  const response = new Promise((resolve, reject) => {
    request.onload = () => settle(request, resolve, reject);
    request.onerror = () => {
      const error = new RequestError(0);
      if (navigator.onLine) error.message = CONNECTION_LOST;
      reject(error);
    };
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
  });
  request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
  signal.addEventListener("abort", () => request.abort());
  request.open("POST", address("/analyze-video"));
  for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
  request.send(form);
  return response;
}

function settle(request, resolve, reject) {
  const { status, responseText } = request;
  if (status === 202) resolve(JSON.parse(responseText));
  else reject(toRequestError(status, responseText, request.getResponseHeader("Retry-After")));
}
