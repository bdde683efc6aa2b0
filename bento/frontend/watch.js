// A job while it goes: server-sent events, and single questions where these do not come through.

import { Problem, ask, askJson } from "./api.js";

const SILENT_MS = 25_000; // the service says something every 15 s
const PAUSE_S = 2;
const OPEN = ["queued", "running"];
const FINAL = [401, 403, 404, 422];

export const isOpen = (job) => OPEN.includes(job.status);

/** Tell of a job until it has ended.
 *
 * @param {(job: object) => void} told with what `GET /jobs/{id}` gives
 * @param {(problem: Problem) => void} lost while the service does not answer
 * @param {AbortSignal} signal ends it
 */
export async function watch(id, told, lost, signal) {
  let job = null;
  const note = (seen) => told((job = seen));
  while (!signal.aborted) {
    let pause_s = PAUSE_S;
    try {
      await listen(id, note, signal).catch(() => null); // whatever broke, the question below finds out
      if (signal.aborted || (job && !isOpen(job))) return;
      note(await askJson(`/jobs/${id}`, { signal }));
      if (!isOpen(job)) return;
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof Problem) || FINAL.includes(problem.status)) throw problem;
      lost(problem);
      pause_s = problem.retry_s ?? PAUSE_S;
    }
    await new Promise((resume) => setTimeout(resume, pause_s * 1000));
  }
}

// Not EventSource: it can send no key
async function listen(id, told, signal) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENT_MS);
  try {
    const either = AbortSignal.any([signal, silence.signal]);
    const answer = await ask(`/jobs/${id}/events`, { signal: either });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
      const events = (text + value).split("\n\n");
      text = events.pop();
      for (const event of events) tellOf(event, told);
    }
  } finally {
    clearTimeout(timer);
  }
}

function tellOf(event, told) {
  const lines = event.split("\n");
  if (!lines.includes("event: job")) return;
  const data = lines.find((line) => line.startsWith("data: "));
  told(JSON.parse(data.slice("data: ".length)));
}
