// Requests to the service, and what a refusal means in plain words.

import { keyHeaders } from "./key.js";

const SAYS = {
  0: "The service cannot be reached. Check that it runs and that you are connected, then try again.",
  401: "This service answers only with an API key that it knows.",
  404: "There is no such job: it was deleted, has expired, or belongs to another API key.",
};
const TITLES = {
  0: "No connection",
  401: "API key needed",
  404: "Not found",
  413: "The video is too large",
  415: "Not a video upload",
  422: "This cannot be analyzed",
  429: "The service is busy",
};

/** A request that did not succeed. */
export class Problem extends Error {
  constructor(status, said = "", retry_s = null) {
    super(inWords(status, said, retry_s));
    this.status = status;
    this.title = TITLES[status] ?? (status >= 500 ? "The service failed" : "Refused");
    this.retry_s = retry_s;
  }
}

/** Ask the service; gives the response, or throws a Problem. */
export async function ask(path, options = {}) {
  const headers = { ...options.headers, ...keyHeaders() };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  if (!answer.ok)
    throw refusal(answer.status, await answer.text(), answer.headers.get("Retry-After"));
  return answer;
}

export const askJson = async (path, options) => (await ask(path, options)).json();

/** The Problem that an answer of the service amounts to. */
export function refusal(status, body, retryAfter) {
  return new Problem(status, said(body), retryAfter === null ? null : Number(retryAfter));
}

function said(body) {
  try {
    return String(JSON.parse(body).error ?? "");
  } catch {
    return "";
  }
}

function inWords(status, said, retry_s) {
  const fixed = SAYS[status];
  if (fixed) return fixed;
  const words = said
    ? said.charAt(0).toUpperCase() + said.slice(1)
    : `The service answered ${status}`;
  const sentence = words.endsWith(".") ? words : `${words}.`;
  return retry_s === null ? sentence : `${sentence} There may be room in ${retry_s} s.`;
}
