/** From Mel bands to magnitudes with those bands, as in vocoders/mel_fit.py. */
import { banded } from "./mel.js";

const LEAST = 1e-12; // of a band that is divided by

/** Magnitudes that follow the Mel bands without detail: (frames x bins). */
export function smoothMagnitudes(bands, shares, mel) {
  const [count, bins] = [shares.length, shares[0].length];
  const smooth = new Float32Array((bands.length / count) * bins);
  banded(shares).forEach(({ first, values }, band) => {
    for (let frame = 0; frame * bins < smooth.length; frame++) {
      const level = bands[frame * count + band];
      for (let k = 0; k < values.length; k++) smooth[frame * bins + first + k] += values[k] * level;
    }
  });
  return smooth.map((density) => Math.max(density, mel.floor) ** (1 / mel.power));
}

/**
 * Scales magnitudes towards the Mel bands, call after call: a multiplicative update of Lee & Seung
 * (NIPS 2000) for the Kullback-Leibler divergence.
 */
export class MelFit {
  /**
   * @param bands wanted, linear, (frames x all): the lowest of them have filters
   * @param all bands in a row
   */
  constructor(bands, all, filters, shares, power) {
    Object.assign(this, { bands, all, power, bins: filters[0].length });
    this.filters = banded(filters);
    this.shares = banded(shares);
    this.gain = new Float64Array(this.bins);
  }

  /** Magnitudes (frames x bins), scaled in place. */
  update(magnitudes) {
    const { bins, gain, all, bands, filters, shares, power } = this;
    for (let frame = 0; frame * bins < magnitudes.length; frame++) {
      const row = magnitudes.subarray(frame * bins, (frame + 1) * bins);
      if (power !== 1) for (let k = 0; k < bins; k++) row[k] **= power;
      gain.fill(0);
      for (let band = 0; band < filters.length; band++) {
        const { first, values } = filters[band];
        let sum = 0;
        for (let k = 0; k < values.length; k++) sum += values[k] * row[first + k];
        const ratio = bands[frame * all + band] / Math.max(sum, LEAST);
        const share = shares[band];
        for (let k = 0; k < share.values.length; k++) {
          gain[share.first + k] += share.values[k] * ratio;
        }
      }
      for (let k = 0; k < bins; k++) row[k] *= gain[k];
      if (power !== 1) for (let k = 0; k < bins; k++) row[k] **= 1 / power;
    }
    return magnitudes;
  }

  repeated(magnitudes, updates) {
    for (let k = 0; k < updates; k++) this.update(magnitudes);
    return magnitudes;
  }
}
