/** Fast Griffin-Lim (Perraudin, Balazs & Sondergaard 2013), as in vocoders/griffin_lim.py. */
import { Spectrum } from "./stft.js";

const TINY = 1e-15;

/** Of a complex number; Math.hypot is many times as slow. */
const length = (re, im) => Math.sqrt(re * re + im * im);

/** Give a spectrum other magnitudes; zeros stay zeros. */
export function setMagnitudes(spectrum, magnitudes) {
  const { re, im } = spectrum;
  for (let k = 0; k < re.length; k++) {
    const factor = magnitudes[k] / Math.max(length(re[k], im[k]), TINY);
    re[k] *= factor;
    im[k] *= factor;
  }
}

/**
 * @param spectrum to start from; it is written over
 * @param fit a `MelFit`: what the magnitudes become
 * @param momentum for the phases, and `lead` the same for the magnitudes
 * @returns audio
 */
export function griffinLim(spectrum, fit, stft, iterations, momentum, lead) {
  setMagnitudes(spectrum, fit.update(spectrum.magnitudes()));
  const { re, im, frames, bins } = spectrum;
  const wanted = new Float32Array(re.length);
  let last = new Spectrum(frames, bins);
  let here = new Spectrum(frames, bins);
  for (let iteration = 0; iteration < iterations; iteration++) {
    stft.consistent(spectrum, here);
    for (let k = 0; k < re.length; k++) {
      const stepRe = here.re[k] - last.re[k];
      const stepIm = here.im[k] - last.im[k];
      wanted[k] = length(here.re[k] + lead * stepRe, here.im[k] + lead * stepIm);
      re[k] = here.re[k] + momentum * stepRe;
      im[k] = here.im[k] + momentum * stepIm;
    }
    fit.update(wanted);
    for (let k = 0; k < re.length; k++) {
      const factor = wanted[k] / (length(re[k], im[k]) + TINY);
      re[k] *= factor;
      im[k] *= factor;
    }
    [last, here] = [here, last];
  }
  return stft.synthesis(spectrum);
}
