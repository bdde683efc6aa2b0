// The current playback position, set by the video, the seek bar and the jump buttons.

/** Dispatches `tick` whenever the position changes. */
export class Playhead extends EventTarget {
  #video = null;
  #time_s = 0;
  #frameRequested = false;

  constructor(duration_s, signal) {
    super();
    this.duration_s = duration_s;
    this.signal = signal;
  }

  get time_s() {
    return this.#video?.currentTime ?? this.#time_s;
  }

  /** Move to a position. */
  seek(time_s) {
    this.#time_s = Math.min(Math.max(time_s, 0), this.duration_s);
    if (this.#video) this.#video.currentTime = this.#time_s;
    this.#tick();
  }

  /** Synchronise with `video` from now on. */
  attach(video) {
    this.#video = video;
    video.currentTime = this.#time_s;
    for (const kind of ["timeupdate", "seeked", "play"]) {
      video.addEventListener(kind, () => this.#tickWhilePlaying());
    }
  }

  /** Continue without the video; the seek bar still moves the position. */
  detach() {
    this.#time_s = this.time_s;
    this.#video = null;
  }

  #tickWhilePlaying() {
    this.#tick();
    if (this.#video && !this.#video.paused && !this.signal.aborted && !this.#frameRequested) {
      this.#frameRequested = true;
      requestAnimationFrame(() => {
        this.#frameRequested = false;
        this.#tickWhilePlaying();
      });
    }
  }

  #tick() {
    this.dispatchEvent(new Event("tick"));
  }
}
