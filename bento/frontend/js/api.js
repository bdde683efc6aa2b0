// HTTP requests to the service, and error messages in plain English.

import { hasKey, keyHeaders } from "./api_key.js";

const MESSAGES = {
  0: "The service cannot be reached. Check your connection and that the service is running, then try again.",
  401: "This service requires an API key.",
  404: "The job was deleted, has expired, or belongs to another API key.",
};
const TITLES = {
  0: "No connection",
  401: "API key required",
  404: "Job not found",
  413: "The video is too large",
  415: "Unsupported upload",
  422: "This video cannot be analyzed",
  429: "The service is busy",
};

/** The address of a path of the service, relative to the page, which may lie below any prefix. */
export const address = (path) => `..${path}`;

/** A request that failed. */
export class RequestError extends Error {
  constructor(status, detail = "", retryAfter_s = null) {
    super(messageFor(status, detail, retryAfter_s));
    this.status = status;
    this.title = TITLES[status] ?? (status >= 500 ? "Service error" : "Request rejected");
    this.retryAfter_s = retryAfter_s;
  }
}

/** Send a request; return the response, or throw a RequestError. */
export async function request(path, options = {}) {
  const headers = { ...options.headers, ...keyHeaders() };
  let response;
  try {
    response = await fetch(address(path), { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError(0);
  }
  if (!response.ok)
    throw toRequestError(
      response.status,
      await response.text(),
      response.headers.get("Retry-After"),
    );
  return response;
}

export const requestJson = async (path, options) => (await request(path, options)).json();

/** Convert an error response to a RequestError. */
export function toRequestError(status, body, retryAfter) {
  return new RequestError(
    status,
    parseDetail(body),
    retryAfter === null ? null : Number(retryAfter),
  );
}

function parseDetail(body) {
  try {
    return String(JSON.parse(body).detail ?? "");
  } catch {
    return "";
  }
}

const KEY_REFUSED =
  "The service refused the API key of this tab: it is unknown, has expired, or does not allow this.";
const STARTS_WITH_A_WORD = /^[a-z_]+[ ,]/; // not with the name of a file

function messageFor(status, detail, retryAfter_s) {
  if (status === 401 && hasKey()) return KEY_REFUSED;
  if (MESSAGES[status]) return MESSAGES[status];
  const message = detail || `The service responded with status ${status}`;
  const text = STARTS_WITH_A_WORD.test(message)
    ? message.charAt(0).toUpperCase() + message.slice(1)
    : message;
  const sentence = text.endsWith(".") ? text : `${text}.`;
  return retryAfter_s === null ? sentence : `${sentence} Retry in ${retryAfter_s} s.`;
}
