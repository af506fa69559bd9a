/** The log-Mel front end's numbers, as in audio/mel.py, and its low band, as in vocoders/low_band.py. */
import { linspace } from "./arrays.js";

/** Rows of a matrix that are zero outside a range: {first, values} each. */
export function banded(rows) {
  return rows.map((row) => {
    const first = Math.max(
      row.findIndex((value) => value !== 0),
      0,
    );
    const last = row.findLastIndex((value) => value !== 0);
    return { first, values: row.slice(first, last + 1) };
  });
}

// Slaney's scale: 15 mel linearly up to 1 kHz, then 27 mel for each factor of 6.4.
const LOG_STEP = Math.log(6.4) / 27;
export const hzToMel = (hz) => (hz < 1000 ? hz * 0.015 : 15 + Math.log(hz / 1000) / LOG_STEP);
export const melToHz = (mel) => (mel < 15 ? mel / 0.015 : 1000 * Math.exp((mel - 15) * LOG_STEP));

/** Triangles of unit area: n_mels rows of n_fft / 2 + 1. */
export function melFilters(mel) {
  const edges = linspace(hzToMel(mel.f_min), hzToMel(mel.f_max), mel.n_mels + 2).map(melToHz);
  const bins = linspace(0, mel.sample_rate / 2, mel.n_fft / 2 + 1);
  return Array.from({ length: mel.n_mels }, (_, band) => {
    const [left, centre, right] = edges.slice(band, band + 3);
    return Float32Array.from(bins, (hz) => {
      const triangle = Math.min((hz - left) / (centre - left), (right - hz) / (right - centre));
      return (Math.max(triangle, 0) * 2) / (right - left);
    });
  });
}

/** The filters, each bin divided by its sum over the bands. */
export function sharesOf(filters) {
  const sums = filters[0].map((_, bin) => filters.reduce((sum, row) => sum + row[bin], 0));
  return filters.map((row) => row.map((value, bin) => value / Math.max(sums[bin], 1e-12)));
}

/** Scaled x (n_mels x frames) -> Mel bands, linear, with a row for each frame. */
export function melOf(x, mel) {
  const low = Math.log(mel.floor);
  const half = (mel.log_max - low) / 2;
  const frames = x.length / mel.n_mels;
  const bands = new Float32Array(x.length);
  for (let band = 0; band < mel.n_mels; band++) {
    for (let frame = 0; frame < frames; frame++) {
      const value = Math.min(Math.max(x[band * frames + frame], -1), 1);
      bands[frame * mel.n_mels + band] = Math.exp((value + 1) * half + low);
    }
  }
  return bands;
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/**
 * The Mel bands that lie among the lowest bins as a whole; null where windows and hops leave no
 * lower rate.
 *
 * @returns {factor, filters, shares, sure}: `sure` bins lie below the peak of the last band
 */
export function lowBand(filters, mel, most) {
  const factor = [mel.sample_rate, mel.n_fft, mel.win_length, mel.hop_length].reduce(gcd, most);
  if (factor === 1) return null;
  const bins = mel.n_fft / factor / 2 + 1;
  const inside = filters.filter((row) => !row.subarray(bins - 1).some((value) => value !== 0));
  const low = inside.map((row) => row.slice(0, bins));
  const shares = sharesOf(low);
  const last = low.at(-1);
  const sure = last.indexOf(Math.max(...last));
  // From the peak of the last band on, bins follow it alone.
  shares.forEach((row, band) => row.fill(band === low.length - 1 ? 1 : 0, sure + 1));
  return { factor, filters: low, shares, sure };
}
