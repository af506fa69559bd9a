/** The pitch vocoder of vocoders/pitch_vocoder.py: Griffin-Lim that starts from pulses and noise. */
import { griffinLim, setMagnitudes } from "./griffin-lim.js";
import { lowBand, melFilters, melOf, sharesOf } from "./mel.js";
import { MelFit, smoothMagnitudes } from "./mel-fit.js";
import { openGraphs } from "./model.js";
import { Draws } from "./noise.js";
import { decodePitch, pulses } from "./pitch.js";
import { STFT } from "./stft.js";

/** As in `PitchVocoderSettings`, which says what they mean. */
export const NUMBERS = {
  iterations: 32,
  low_iterations: 256,
  low_factor: 8,
  momentum: 0.99,
  lead: 0.3,
  first_updates: 4,
  hiss_centre: 3500,
  hiss_width: 500,
  noise_seed: 0,
  pitch_reach: 4,
};

export class Vocoder {
  /** @param session of the graph "pitch" */
  constructor(ort, { metadata }, session) {
    const { mel, config, mel_hash: hash } = metadata;
    Object.assign(this, { ort, session, mel, config, hash });
    this.filters = melFilters(mel);
    this.shares = sharesOf(this.filters);
    this.low = lowBand(this.filters, mel, NUMBERS.low_factor);
    const window = new STFT(mel, 2).window;
    this.scale = 1 / Math.sqrt(window.reduce((sum, value) => sum + value ** 2, 0));
  }

  /** Scaled x (n_mels x frames) -> audio in [-1, 1]. */
  async sound(x) {
    const { mel, filters, shares, low } = this;
    const { iterations, low_iterations: lowIterations, momentum, lead } = NUMBERS;
    const frames = x.length / mel.n_mels;
    const stft = new STFT(mel, frames);
    const bands = melOf(x, mel);
    const fitTo = (some, its) => new MelFit(bands, mel.n_mels, some, its, mel.power);

    const start = await this.start(x, bands, stft);
    const fit = fitTo(filters, shares);
    setMagnitudes(start, fit.repeated(start.magnitudes(), NUMBERS.first_updates));
    if (low !== null) {
      // The lowest bins alone first: the same sound at a fraction of its rate.
      const lowSTFT = new STFT(mel, frames, low.factor);
      const lowFit = fitTo(low.filters, low.shares);
      const bins = start.lowest(lowSTFT.bins);
      const audio = griffinLim(bins, lowFit, lowSTFT, lowIterations, momentum, lead);
      start.setLowest(lowSTFT.analysis(audio), low.sure);
    }
    return this.#finished(griffinLim(start, fit, stft, iterations, momentum, lead));
  }

  /** The start of Griffin-Lim: pulses and noise, each as loud as the Mel bands. */
  async start(x, bands, stft) {
    const { mel, scale } = this;
    const spectrum = stft.analysis(pulses(await this.pitch(x), mel.hop_length, mel.sample_rate));
    const hiss = stft.analysis(new Draws(NUMBERS.noise_seed).normal(stft.length));
    const level = smoothMagnitudes(bands, this.shares, mel);
    const density = (mel.sample_rate / mel.n_fft) ** (1 / mel.power);
    for (let k = 0; k < level.length; k++) {
      const hz = ((k % stft.bins) * mel.sample_rate) / mel.n_fft;
      const share = 1 / (1 + Math.exp(-(hz - NUMBERS.hiss_centre) / NUMBERS.hiss_width));
      const factor = scale * density * level[k];
      spectrum.re[k] = factor * (spectrum.re[k] + share * hiss.re[k]);
      spectrum.im[k] = factor * (spectrum.im[k] + share * hiss.im[k]);
    }
    return spectrum;
  }

  async pitch(x) {
    const { Tensor } = this.ort;
    const shape = [1, 1, this.mel.n_mels, x.length / this.mel.n_mels];
    const { bins, voiced } = await this.session.run({ x: new Tensor("float32", x, shape) });
    return decodePitch(bins.data, voiced.data, this.config, NUMBERS.pitch_reach);
  }

  /** Without the zeros that the front end appends to a clip; scaled down if it exceeds 1. */
  #finished(audio) {
    const { mel } = this;
    const padding =
      (mel.frames - 1) * mel.hop_length - Math.round(mel.clip_seconds * mel.sample_rate);
    const kept = audio.subarray(0, audio.length - padding);
    const peak = kept.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    return kept.map((value) => value / peak);
  }
}

/** @param files of `scoresubnet export` of a vocoder: name -> Uint8Array */
export async function openVocoder(ort, files, options = {}) {
  const { about, sessions } = await openGraphs(ort, files, ["pitch"], options);
  if (!sessions.pitch) throw new Error("the graph .pitch.onnx is missing beside the vocoder");
  return new Vocoder(ort, about, sessions.pitch);
}
