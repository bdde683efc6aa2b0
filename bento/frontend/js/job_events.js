// Follows a job by server-sent events, with polling as fallback.

import { RequestError, request, requestJson } from "./api.js";

const TIMEOUT_MS = 25_000; // the service sends a keep-alive every 15 s
const RETRY_S = 2;
const ACTIVE = ["queued", "running"];
const FATAL_STATUSES = [401, 403, 404, 422];

export const isActive = (job) => ACTIVE.includes(job.status);

/** Report a job's state until it has ended.
 *
 * @param {(job: object) => void} onUpdate receives the response of `GET /jobs/{id}`
 * @param {(error: RequestError) => void} onError called while the service does not respond
 * @param {AbortSignal} signal stops watching
 */
export async function watchJob(id, onUpdate, onError, signal) {
  let job = null;
  const update = (state) => onUpdate((job = state));
  while (!signal.aborted) {
    let pause_s = RETRY_S;
    try {
      await readEvents(id, update, signal).catch(() => null); // the request below reports errors
      if (signal.aborted || (job && !isActive(job))) return;
      update(await requestJson(`/jobs/${id}`, { signal }));
      if (!isActive(job)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RequestError) || FATAL_STATUSES.includes(error.status)) throw error;
      onError(error);
      pause_s = error.retryAfter_s ?? RETRY_S;
    }
    await new Promise((resume) => setTimeout(resume, pause_s * 1000));
  }
}

// not EventSource, which cannot send an API key
async function readEvents(id, update, signal) {
  const timeout = new AbortController();
  let timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
  try {
    const combined = AbortSignal.any([signal, timeout.signal]);
    const response = await request(`/jobs/${id}/events`, { signal: combined });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
      const events = (buffer + value).split("\n\n");
      buffer = events.pop();
      for (const event of events) handleEvent(event, update);
    }
  } finally {
    clearTimeout(timer);
  }
}

function handleEvent(event, update) {
  const lines = event.split("\n");
  if (!lines.includes("event: job")) return;
  const data = lines.find((line) => line.startsWith("data: "));
  update(JSON.parse(data.slice("data: ".length)));
}
