/** The centred STFT of the front end and its inverse, as in vocoders/stft.py; a row is a frame. */
import { RealFFT } from "./fft.js";

/** The periodic one, rounded to float32. */
export function hannWindow(length) {
  return Float32Array.from({ length }, (_, k) => 0.5 - 0.5 * Math.cos((2 * Math.PI * k) / length));
}

/** Complex numbers (frames x bins), one row after another. */
export class Spectrum {
  constructor(frames, bins) {
    this.frames = frames;
    this.bins = bins;
    this.re = new Float32Array(frames * bins);
    this.im = new Float32Array(frames * bins);
  }

  magnitudes() {
    return this.re.map((re, i) => Math.sqrt(re ** 2 + this.im[i] ** 2));
  }

  /** The lowest bins alone. */
  lowest(bins) {
    const low = new Spectrum(this.frames, bins);
    low.setLowest(this, bins);
    return low;
  }

  /** Take the lowest bins from another spectrum. */
  setLowest(other, bins) {
    for (let frame = 0; frame < this.frames; frame++) {
      for (const part of ["re", "im"]) {
        const from = frame * other.bins;
        this[part].set(other[part].subarray(from, from + bins), frame * this.bins);
      }
    }
  }
}

export class STFT {
  /**
   * @param mel settings of the front end
   * @param factor divides sample rate, FFT size, window and hop
   */
  constructor(mel, frames, factor = 1) {
    const [size, win, hop] = [mel.n_fft, mel.win_length, mel.hop_length].map((n) => n / factor);
    Object.assign(this, { frames, size, hop, bins: size / 2 + 1 });
    this.fft = new RealFFT(size);
    this.window = new Float64Array(size);
    this.window.set(hannWindow(win), Math.floor((size - win) / 2));
    this.edge = size / 2;
    this.length = (frames - 1) * hop;
    this.frame = new Float64Array(size);
    this.padded = new Float64Array(this.length + size);
    this.scale = new Float64Array(this.padded.length);
    for (let k = 0; k < frames; k++) {
      for (let i = 0; i < size; i++) this.scale[k * hop + i] += this.window[i] ** 2;
    }
    this.scale = this.scale.map((sum) => 1 / Math.max(sum, 1e-11));
  }

  /** Audio of (frames - 1) hops -> its spectrum. */
  analysis(audio, out = new Spectrum(this.frames, this.bins)) {
    this.padded.set(audio, this.edge);
    return this.#analysed(out);
  }

  /** A spectrum -> audio. */
  synthesis(spectrum) {
    this.#add(spectrum);
    return Float32Array.from(this.padded.subarray(this.edge, this.edge + this.length));
  }

  /** `analysis(synthesis(spectrum))`. */
  consistent(spectrum, out) {
    this.#add(spectrum);
    return this.#analysed(out);
  }

  #analysed(out) {
    const { padded, edge, length, frame, window, size, hop, bins } = this;
    const end = edge + length;
    for (let k = 1; k <= edge; k++) {
      padded[edge - k] = padded[edge + k];
      padded[end + k - 1] = padded[end - k - 1];
    }
    for (let k = 0; k < this.frames; k++) {
      for (let i = 0; i < size; i++) frame[i] = padded[k * hop + i] * window[i];
      this.fft.forward(frame, out.re, out.im, k * bins);
    }
    return out;
  }

  #add(spectrum) {
    const { padded, frame, window, size, hop, bins, scale } = this;
    padded.fill(0);
    for (let k = 0; k < this.frames; k++) {
      this.fft.inverse(spectrum.re, spectrum.im, frame, k * bins);
      for (let i = 0; i < size; i++) padded[k * hop + i] += frame[i] * window[i];
    }
    for (let i = this.edge; i < this.edge + this.length; i++) padded[i] *= scale[i];
  }
}
