/** The Fourier transform of real signals whose length is a power of two, in float64. */
export class RealFFT {
  /** @param length a power of two, at least 4 */
  constructor(length) {
    if (length < 4 || length & (length - 1)) {
      throw new RangeError(`an FFT of ${length} samples: only powers of two are transformed here`);
    }
    const half = length / 2;
    this.length = length;
    this.half = half;
    // Pairs of neighbours are taken for complex numbers: a transform of half the length.
    this.re = new Float64Array(half);
    this.im = new Float64Array(half);
    this.cos = Float64Array.from({ length: half }, (_, k) => Math.cos((2 * Math.PI * k) / length));
    this.sin = Float64Array.from({ length: half }, (_, k) => Math.sin((2 * Math.PI * k) / length));
    const bits = Math.log2(half);
    this.reversed = Uint32Array.from({ length: half }, (_, k) => {
      let turned = 0;
      for (let b = 0; b < bits; b++) turned |= ((k >> b) & 1) << (bits - 1 - b);
      return turned;
    });
  }

  /** x (length) -> re and im (length / 2 + 1), written from `at` on. */
  forward(x, re, im, at = 0) {
    const { half, reversed, re: a, im: b, cos, sin } = this;
    for (let k = 0; k < half; k++) {
      a[reversed[k]] = x[2 * k];
      b[reversed[k]] = x[2 * k + 1];
    }
    this.#transform();
    re[at] = a[0] + b[0];
    im[at] = 0;
    re[at + half] = a[0] - b[0];
    im[at + half] = 0;
    for (let k = 1; k < half; k++) {
      const j = half - k;
      const evenRe = (a[k] + a[j]) / 2;
      const evenIm = (b[k] - b[j]) / 2;
      const oddRe = (b[k] + b[j]) / 2;
      const oddIm = (a[j] - a[k]) / 2;
      re[at + k] = evenRe + cos[k] * oddRe + sin[k] * oddIm;
      im[at + k] = evenIm + cos[k] * oddIm - sin[k] * oddRe;
    }
  }

  /** re and im (length / 2 + 1), read from `at` on -> x (length): the inverse of `forward`. */
  inverse(re, im, x, at = 0) {
    const { half, reversed, re: a, im: b, cos, sin } = this;
    for (let k = 0; k < half; k++) {
      const i = at + k;
      const j = at + half - k;
      // The ends are taken for real, whatever they are.
      const imI = k === 0 ? 0 : im[i];
      const imJ = k === 0 ? 0 : im[j];
      const evenRe = (re[i] + re[j]) / 2;
      const evenIm = (imI - imJ) / 2;
      const turnedRe = (re[i] - re[j]) / 2;
      const turnedIm = (imI + imJ) / 2;
      const oddRe = turnedRe * cos[k] - turnedIm * sin[k];
      const oddIm = turnedRe * sin[k] + turnedIm * cos[k];
      // Conjugated, so that one transform serves both ways.
      a[reversed[k]] = evenRe - oddIm;
      b[reversed[k]] = -(evenIm + oddRe);
    }
    this.#transform();
    for (let k = 0; k < half; k++) {
      x[2 * k] = a[k] / half;
      x[2 * k + 1] = -b[k] / half;
    }
  }

  /** Cooley & Tukey's algorithm, of radix 2, on what lies in bit-reversed order. */
  #transform() {
    const { half, re, im, cos, sin } = this;
    for (let i = 0; i < half; i += 2) {
      const oddRe = re[i + 1];
      const oddIm = im[i + 1];
      re[i + 1] = re[i] - oddRe;
      im[i + 1] = im[i] - oddIm;
      re[i] += oddRe;
      im[i] += oddIm;
    }
    for (let size = 2; size < half; size *= 2) {
      const stride = half / size;
      for (let k = 0; k < size; k++) {
        const c = cos[k * stride];
        const s = sin[k * stride];
        for (let i = k; i < half; i += 2 * size) {
          const j = i + size;
          const oddRe = re[j] * c + im[j] * s;
          const oddIm = im[j] * c - re[j] * s;
          re[j] = re[i] - oddRe;
          im[j] = im[i] - oddIm;
          re[i] += oddRe;
          im[i] += oddIm;
        }
      }
    }
  }
}
