/** Pitch as the network reads it, and pulses at that pitch, as in vocoders/pitch.py and sources.py. */

const sigmoid = (x) => 0.5 + 0.5 * Math.tanh(x / 2);

/**
 * The mean of the bins around the best one, by their probability, as in CREPE.
 *
 * @param bins logits (frames x bins)
 * @param voiced logits (frames)
 * @returns {f0, voiced}: hertz and probabilities, a number a frame
 */
export function decodePitch(bins, voiced, config, reach) {
  const count = bins.length / voiced.length;
  const f0 = Array.from(voiced, (_, frame) => {
    const row = bins.subarray(frame * count, (frame + 1) * count);
    const best = row.indexOf(Math.max(...row));
    let [sum, mean] = [0, 0];
    const end = Math.min(best + reach, count - 1);
    for (let k = Math.max(best - reach, 0); k <= end; k++) {
      const weight = Math.exp(row[k] - row[best]);
      sum += weight;
      mean += weight * k;
    }
    return config.f_min * 2 ** (mean / sum / config.bins_per_octave);
  });
  return { f0, voiced: Array.from(voiced, sigmoid) };
}

/**
 * All harmonics of f0 up to half the sample rate, equally strong and in phase: the Dirichlet kernel.
 *
 * @returns (frames - 1) * hop samples, of power 1 where voiced is 1
 */
export function pulses({ f0, voiced }, hop, rate) {
  const made = new Float32Array((f0.length - 1) * hop);
  let cycles = 0;
  for (let k = 0; k < made.length; k++) {
    const frame = Math.floor(k / hop);
    const way = (k % hop) / hop;
    const between = (a, b) => a + way * (b - a);
    const hz = Math.exp(between(Math.log(f0[frame]), Math.log(f0[frame + 1])));
    cycles += hz / rate;
    const half = Math.PI * (cycles - Math.floor(cycles));
    const harmonics = Math.floor(rate / 2 / hz);
    const below = Math.sin(half);
    const peak = 2 * harmonics + 1;
    const kernel = Math.abs(below) < 1e-9 ? peak : Math.sin(peak * half) / below;
    const loudness = Math.sqrt(2 / harmonics) * between(voiced[frame], voiced[frame + 1]);
    made[k] = ((kernel - 1) / 2) * loudness;
  }
  return made;
}
