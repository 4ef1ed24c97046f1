// What is on the screen: the film, or a clip that a server sent. Times are the film's.

export class Reel {
  #speed = 0;
  #next = null;
  #changed;

  // `moved(time)` and `changed(isPlaying)` hear what becomes of it.
  constructor(film, clip, { moved, changed }) {
    Object.assign(this, { film, clip, view: "film", offset: 0, rate: 25 });
    this.moved = () => moved(this.time);
    this.#changed = () => changed(!this.video.paused);
    for (const video of [film, clip]) {
      for (const name of ["play", "pause", "ended"])
        video.addEventListener(name, () => { if (video === this.video) { this.#changed(); this.#follow(); } });
      for (const name of ["seeked", "timeupdate", "loadedmetadata"])
        video.addEventListener(name, () => { if (video === this.video) this.#arrived(); });
    }
  }

  get video() { return this.view === "clip" ? this.clip : this.film; }

  // The start of the frame that is shown.
  get time() { return Math.floor((this.video.currentTime + this.offset) * this.rate + 0.01) / this.rate; }

  load(url) { this.film.src = url; }

  // Changes to the `film`, or to a `clip` that begins at `offset`.
  show(view, offset = 0) {
    this.stop();
    Object.assign(this, { view, offset });
    this.film.hidden = view !== "film";
    this.clip.hidden = view !== "clip";
    this.#changed();
    this.moved();
  }

  // Goes to the frame at `time`: into it, so that rounding does not show the one before. While a
  // player is on its way, only the last place counts.
  seek(time) {
    this.#shuttleTo(0);
    this.video.pause();
    this.#go(time);
  }

  #go(time) {
    const last = (this.video.duration || 0) - 0.75 / this.rate;
    const place = Math.min(Math.max(time - this.offset + 0.25 / this.rate, 0), Math.max(last, 0));
    if (this.video.seeking) this.#next = place;
    else this.video.currentTime = place;
  }

  #arrived() {
    if (this.#next !== null && !this.video.seeking) {
      this.video.currentTime = this.#next;
      this.#next = null;
    }
    this.moved();
  }

  #follow() {
    if (this.video.paused) return;
    this.moved();
    requestAnimationFrame(() => this.#follow());
  }

  toggle() {
    if (this.#speed < 0 || !this.video.paused) this.stop();
    else this.#shuttleTo(1);
  }

  stop() {
    this.#next = null;
    this.#shuttleTo(0);
    this.video.pause();
  }

  // Forward for 1, back for -1; twice as fast each time it is asked for again.
  shuttle(way) {
    this.#shuttleTo(Math.sign(this.#speed) === way ? Math.min(Math.abs(this.#speed) * 2, 8) * way : way);
  }

  // Browsers do not play backwards: that is seeks, one after the other.
  #shuttleTo(speed) {
    clearInterval(this.winding);
    this.#speed = speed;
    this.video.playbackRate = speed > 0 ? speed : 1;
    if (speed > 0) {
      this.film.muted = speed !== 1;
      this.video.play().catch(() => {});
    } else if (speed < 0) {
      this.video.pause();
      let time = this.time, last = performance.now();
      this.winding = setInterval(() => {
        const now = performance.now();
        time = Math.max(time + speed * (now - last) / 1000, this.offset);
        last = now;
        this.#go(time);
        if (time <= this.offset) this.stop();
      }, 60);
    }
  }
}
