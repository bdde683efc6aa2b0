// Uploads many videos one after another; all their jobs are one batch.

import { sentFiles } from "./upload_form.js";
import { uploadVideo } from "./upload_request.js";

const LOST_RETRIES = 3; // of one file, after a lost connection
const LOST_PAUSE_S = 3;
const FATAL_STATUSES = [401, 403];

/** Batches of this tab, by id: the service does not know files that it refused. */
export const uploads = new Map();

/** A batch that is being uploaded, or was. */
export class BatchUpload {
  /** @param {(file: File, batch: string) => FormData} formOf the fields of a file's request */
  constructor(files, formOf) {
    this.id = [...crypto.getRandomValues(new Uint8Array(16))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    this.files = files;
    this.formOf = formOf;
    this.done = 0;
    this.share = 0;
    this.refused = [];
    this.error = null;
    this.waiting = null;
    this.onChange = () => {};
    this.abort = new AbortController();
    uploads.set(this.id, this);
  }

  get isActive() {
    return this.error === null && this.done < this.files.length && !this.abort.signal.aborted;
  }

  /** Upload what is left; `error` tells why the batch stopped before its end. */
  async run() {
    this.error = null;
    window.addEventListener("beforeunload", warn);
    try {
      while (this.isActive) {
        await this.#send(this.files[this.done]);
        this.done += 1;
        this.onChange();
      }
    } catch (error) {
      if (error.name !== "AbortError") this.error = error;
    } finally {
      window.removeEventListener("beforeunload", warn);
      this.onChange();
    }
  }

  async #send(file) {
    for (let attempt = 0; ; attempt++) {
      const form = this.formOf(file, this.id);
      try {
        const { job_id } = await uploadVideo(form, (share) => this.#progress(share), this.abort.signal);
        sentFiles.set(job_id, file);
        return;
      } catch (error) {
        if (error.name === "AbortError" || FATAL_STATUSES.includes(error.status)) throw error;
        const isLost = error.status === 0 && attempt < LOST_RETRIES;
        const pause_s = isLost ? LOST_PAUSE_S : (error.retryAfter_s ?? null);
        if (pause_s === null) {
          this.refused.push({ file: file.name, error: error.message });
          return;
        }
        await this.#pause(pause_s, error);
      }
    }
  }

  async #pause(pause_s, error) {
    this.waiting = error.title;
    this.onChange();
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, pause_s * 1000);
      const stop = () => {
        clearTimeout(timer);
        reject(new DOMException("stopped", "AbortError"));
      };
      this.abort.signal.addEventListener("abort", stop, { once: true });
    });
    this.waiting = null;
  }

  #progress(share) {
    this.share = share;
    this.onChange();
  }
}

const warn = (event) => event.preventDefault();
