/** One take of the word: its seed, its picture step by step, and its sound. */
import { draw } from "./draw.js";
import { hzToMel } from "./mel.js";
import { MOST_SEED } from "./noise.js";
import { wavOf } from "./wav.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Take {
  /**
   * @param name A or B
   * @param changed called when another seed is asked for
   */
  constructor(name, seed, changed) {
    const template = document.getElementById("take").content.cloneNode(true);
    this.element = template.firstElementChild;
    this.name = name;
    this.xs = [];
    this.job = null;
    this.find = (part) => this.element.querySelector(`.${part}`);
    this.find("name").textContent = `Take ${name}`;
    for (const label of this.element.querySelectorAll("label")) {
      label.htmlFor = `${label.dataset.for}-${name}`;
    }
    for (const part of ["seed", "step"]) this.find(part).id = `${part}-${name}`;
    this.find("seed").value = seed;
    this.find("seed").addEventListener("change", changed);
    this.find("next").addEventListener("click", () => this.next(changed));
    this.find("play").addEventListener("click", () => this.play());
    this.find("step").addEventListener("input", () => this.show(Number(this.find("step").value)));
  }

  /** The seed that is asked for; null if it is none. */
  get seed() {
    const text = this.find("seed").value.trim();
    const seed = Number(text);
    const fits = text !== "" && Number.isInteger(seed) && seed >= 0 && seed <= MOST_SEED;
    this.find("seed").setAttribute("aria-invalid", String(!fits));
    return fits ? seed : null;
  }

  next(changed) {
    const seed = this.seed;
    this.find("seed").value = seed === null || seed === MOST_SEED ? 0 : seed + 1;
    changed();
  }

  /** A new word begins. */
  begin(job, mel, steps) {
    Object.assign(this, { job, mel, steps, xs: [] });
    this.element.classList.add("busy");
    this.find("hint").hidden = true;
    this.find("step").max = steps;
    this.find("step").disabled = true;
    this.find("play").disabled = true;
    this.find("axis-top").textContent = `${mel.f_max / 1000} kHz`;
    const middle = (hzToMel(1000) - hzToMel(mel.f_min)) / (hzToMel(mel.f_max) - hzToMel(mel.f_min));
    this.find("axis-1k").style.bottom = `${100 * middle}%`;
    this.find("axis-end").textContent =
      `${((mel.frames * mel.hop_length) / mel.sample_rate).toFixed(2)} s`;
  }

  /** A step is made. */
  step(step, x) {
    this.xs[step] = x;
    if (!still.matches) this.show(step);
  }

  /** Draw what there was after a step. */
  show(step) {
    if (!this.xs[step]) return;
    draw(this.find("picture"), this.xs[step], this.mel.n_mels);
    this.find("step").value = step;
    const text = step === 0 ? "noise" : `step ${step} of ${this.steps}`;
    this.find("step").setAttribute("aria-valuetext", text);
    this.find("where").textContent = text;
  }

  /** The word is there. */
  end(label, seed, { x, audio, rate, heard, confidence }) {
    this.element.classList.remove("busy");
    this.xs[this.steps] = x;
    this.show(this.steps);
    this.find("step").disabled = false;
    this.find("play").disabled = false;
    URL.revokeObjectURL(this.find("sound").src);
    const url = URL.createObjectURL(new Blob([wavOf(audio, rate)], { type: "audio/wav" }));
    this.find("sound").src = url;
    this.find("download").href = url;
    this.find("download").download = `${label ?? "none"}-${seed}.wav`;
    this.find("download").hidden = false;
    const sure = heard === undefined ? "" : `${heard}, ${Math.round(100 * confidence)} %`;
    this.find("heard").textContent = sure ? `The classifier hears ${sure}` : "";
    const asked = label === null ? "no word in particular" : `the word ${label}`;
    this.find("picture").setAttribute("aria-label", `Log-Mel of ${asked}, seed ${seed}`);
  }

  fail() {
    this.element.classList.remove("busy");
  }

  /** @returns whether the browser lets it be heard; resolves when it has ended */
  async play() {
    const sound = this.find("sound");
    if (!sound.src) return false;
    sound.currentTime = 0;
    const ended = new Promise((resolve) => {
      for (const event of ["ended", "pause", "emptied"]) {
        sound.addEventListener(event, resolve, { once: true });
      }
    });
    try {
      await sound.play();
    } catch {
      return false;
    }
    await ended;
    return true;
  }
}
