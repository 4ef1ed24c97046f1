// The timeline: pictures of the film, its key frames and chapters, the scene with a handle at
// either end, and the place that is shown.

import { spoken } from "./time.js";
import { drawThumbnails } from "./film.js";

// Pixels across.
const THUMBNAIL = 92;

export class Timeline {
  // `seek(time)` goes to a place, `mark(end, time)` moves the `start` or `end` of the scene, and
  // `choose(chapter)` makes a chapter the scene.
  constructor(root, { seek, mark, choose }) {
    Object.assign(this, { root, seek, mark, choose, duration: 0, starts: [] });
    for (const name of ["track", "strip", "before", "after", "lead", "range", "playhead", "keyframes", "chapters"])
      this[name] = root.querySelector(`.${name}`);
    this.handles = { start: root.querySelector(".start"), end: root.querySelector(".end") };
    this.track.onpointerdown = (event) => this.#drag(event, this.track, seek);
    for (const [end, handle] of Object.entries(this.handles))
      handle.onpointerdown = (event) => this.#drag(event, handle, (time) => mark(end, time));
  }

  // Draws what stays: key frames, chapters and pictures. `scout` is a player for the pictures.
  draw({ duration, keyFrames, chapters }, scout) {
    this.duration = duration;
    this.starts = chapters.map(({ start }) => start);
    this.keyframes.setAttribute("aria-label", `${keyFrames.length} key frames`);
    this.keyframes.replaceChildren(...keyFrames.map((time) => placed("i", time / duration)));
    this.chapters.replaceChildren(...chapters.map((chapter, index) => {
      const item = document.createElement("li");
      item.style.flexGrow = chapter.end - chapter.start;
      const button = Object.assign(document.createElement("button"), { type: "button", title: chapter.name, onclick: () => this.choose(chapter) });
      button.append(
        Object.assign(document.createElement("b"), { textContent: index + 1 }), " ",
        Object.assign(document.createElement("span"), { textContent: chapter.name }));
      item.append(button);
      return item;
    }));
    this.#drawStrip(scout);
    new ResizeObserver(() => this.#drawStrip(scout)).observe(this.strip);
  }

  #drawStrip(scout) {
    const { width, height } = this.strip.getBoundingClientRect();
    const count = Math.max(4, Math.round(width / THUMBNAIL));
    if (count === this.strip.childElementCount) return;
    const canvases = Array.from({ length: count }, () => Object.assign(document.createElement("canvas"), {
      width: Math.ceil(width / count) * devicePixelRatio, height: height * devicePixelRatio,
    }));
    this.strip.replaceChildren(...canvases);
    drawThumbnails(scout, canvases, canvases.map((_, index) => (index + 0.5) / count * this.duration));
  }

  // Where the scene is, and where what is sent of it begins.
  showScene(start, end, begin) {
    const { duration } = this;
    const spread = (element, from, to) => {
      element.style.left = `${from / duration * 100}%`;
      element.style.right = `${100 - to / duration * 100}%`;
    };
    spread(this.before, 0, Math.min(begin, start));
    spread(this.lead, begin, start);
    spread(this.range, start, end);
    spread(this.after, end, duration);
    this.lead.hidden = begin >= start;
    this.#place(this.handles.start, start);
    this.#place(this.handles.end, end);
  }

  showTime(time) {
    this.#place(this.playhead, time);
    const current = this.starts.findLastIndex((start) => start <= time + 0.0005);
    [...this.chapters.children].forEach((item, index) => item.classList.toggle("current", index === current));
  }

  #place(slider, time) {
    slider.style.left = `${time / this.duration * 100}%`;
    for (const [name, value] of [["valuemin", 0], ["valuemax", this.duration.toFixed(2)], ["valuenow", time.toFixed(2)], ["valuetext", spoken(time)]])
      slider.setAttribute(`aria-${name}`, value);
  }

  // Follows the pointer from where it went down until it is let go.
  #drag(event, element, move) {
    if (event.button !== 0 || !this.duration) return;
    event.preventDefault();
    event.stopPropagation();
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    const { left, width } = this.track.getBoundingClientRect();
    // A handle is taken hold of beside its edge, which is not to jump.
    const held = element === this.track ? 0 : event.clientX - left - parseFloat(element.style.left) / 100 * width;
    const follow = ({ clientX }) => move(Math.min(Math.max((clientX - held - left) / width, 0), 1) * this.duration);
    follow(event);
    element.onpointermove = follow;
    element.onlostpointercapture = () => { element.onpointermove = null; };
  }
}

function placed(name, share) {
  const element = document.createElement(name);
  element.style.left = `${share * 100}%`;
  return element;
}
