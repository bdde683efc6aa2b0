// The moment that is looked at: moved by the video, the seek bar and every "jump to".

/** Sends `tick` whenever the moment changes. */
export class Clock extends EventTarget {
  #video = null;
  #time_s = 0;
  #waiting = false; // for the next picture to be drawn

  constructor(span_s, signal) {
    super();
    this.span_s = span_s;
    this.signal = signal;
  }

  get time_s() {
    return this.#video?.currentTime ?? this.#time_s;
  }

  /** Go to a moment. */
  seek(time_s) {
    this.#time_s = Math.min(Math.max(time_s, 0), this.span_s);
    if (this.#video) this.#video.currentTime = this.#time_s;
    this.#tick();
  }

  /** From now on the video says which moment it is, and follows. */
  follow(video) {
    this.#video = video;
    video.currentTime = this.#time_s;
    for (const kind of ["timeupdate", "seeked", "play"]) {
      video.addEventListener(kind, () => this.#whilePlaying());
    }
  }

  /** The video is gone; moments can still be looked at along the seek bar. */
  leave() {
    this.#time_s = this.time_s;
    this.#video = null;
  }

  #whilePlaying() {
    this.#tick();
    if (this.#video && !this.#video.paused && !this.signal.aborted && !this.#waiting) {
      this.#waiting = true;
      requestAnimationFrame(() => {
        this.#waiting = false;
        this.#whilePlaying();
      });
    }
  }

  #tick() {
    this.dispatchEvent(new Event("tick"));
  }
}
