/** The page's mathematics gives the numbers of Python, which test_browser.py has written. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { guided, readSchedule } from "../../src/scoresubnet/demo/guidance.js";
import { lowBand, melFilters, melOf, sharesOf } from "../../src/scoresubnet/demo/mel.js";
import { MelFit, smoothMagnitudes } from "../../src/scoresubnet/demo/mel-fit.js";
import { Draws } from "../../src/scoresubnet/demo/noise.js";
import { readAbout, refuseOtherLayout } from "../../src/scoresubnet/demo/safetensors.js";
import { SAMPLERS } from "../../src/scoresubnet/demo/samplers.js";
import { VPSDE } from "../../src/scoresubnet/demo/sde.js";
import { STFT } from "../../src/scoresubnet/demo/stft.js";
import { TIME_GRIDS } from "../../src/scoresubnet/demo/time-grids.js";
import { Vocoder } from "../../src/scoresubnet/demo/vocoder.js";
import { wavOf } from "../../src/scoresubnet/demo/wav.js";

const python = JSON.parse(readFileSync(process.env.NUMBERS, "utf8"));
const sde = new VPSDE(python.sde);
const { mel } = python;

/** Each number within `tolerance` of the largest. */
function close(ours, theirs, tolerance, what) {
  assert.equal(ours.length, theirs.length, what);
  const most = theirs.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
  const off = theirs.reduce((worst, value, k) => Math.max(worst, Math.abs(value - ours[k])), 0);
  assert.ok(off <= tolerance * most, `${what}: off by ${off} of ${most}`);
}

test("noise is that of torch, draw after draw", () => {
  for (const { seed, first, second } of python.noise) {
    const draws = new Draws(seed);
    close(draws.normal(first.length), first, 1e-6, `seed ${seed}`);
    close(draws.normal(second.length), second, 1e-6, `seed ${seed}, second`);
  }
  for (const seed of [-1, 2 ** 32, 0.5, NaN]) assert.throws(() => new Draws(seed), RangeError);
});

test("steps lie where they lie in Python", () => {
  assert.deepEqual(Object.keys(TIME_GRIDS), Object.keys(python.grids));
  for (const [name, times] of Object.entries(python.grids)) {
    close(TIME_GRIDS[name](times.length - 1, sde), times, 1e-12, name);
  }
});

test("every sampler takes Gaussian data the same way", async () => {
  const { mean, spread, seed, length } = python.gaussian;
  const score = async (x, t) => {
    const [alpha, sigma] = [sde.alpha(t), sde.sigma(t)];
    return x.map((value) => -(value - alpha * mean) / (alpha ** 2 * spread ** 2 + sigma ** 2));
  };
  assert.deepEqual(new Set(Object.keys(SAMPLERS)), new Set(python.samples.map((s) => s.sampler)));
  for (const { sampler, grid, x } of python.samples) {
    const draws = new Draws(seed);
    const noise = () => draws.normal(length);
    const times = python.grids[grid];
    const steps = [];
    const note = async (step) => steps.push(step);
    const ours = await SAMPLERS[sampler](score, noise(), times, noise, sde, note);
    close(ours, x, 2e-5, `${sampler}, ${grid}`);
    assert.deepEqual(steps, [0, 1, 2, 3, 4, 5]);
  }
});

test("guidance is the same under every schedule, clamp and renormalisation", async () => {
  for (const { schedule, clamp, renormalise, t, score: theirs } of python.guided) {
    const [first, second] = [new Draws(1), new Draws(2)];
    const x = first.normal(64);
    const [score, gradient] = [first.normal(64), second.normal(64)];
    const both = async () => ({ score, gradient, probability: Math.fround(0.3) });
    const gamma = readSchedule(schedule, 3);
    const ours = guided(both, gamma, async () => score, clamp, renormalise);
    close(await ours(x, Math.fround(t)), theirs, 1e-6, `${schedule} at ${t}`);
  }
  assert.throws(() => readSchedule("none-such", 3), /unknown guidance schedule/);
});

test("Mel filters and the low band", () => {
  const filters = melFilters(mel);
  close(
    filters.flatMap((row) => [...row]),
    python.filters,
    1e-6,
    "filters",
  );
  const low = lowBand(filters, mel, 8);
  assert.equal(low.factor, python.low.factor);
  assert.equal(low.sure, python.low.sure);
  close(
    low.shares.flatMap((row) => [...row]),
    python.low.shares,
    1e-6,
    "shares",
  );
});

test("STFT and its inverse, at the whole rate and an eighth of it", () => {
  for (const [factor, { sound, re, im, again }] of Object.entries(python.stft)) {
    const stft = new STFT(mel, mel.frames, Number(factor));
    const spectrum = stft.analysis(Float32Array.from(sound));
    close(spectrum.re, re, 1e-6, "real part");
    close(spectrum.im, im, 1e-6, "imaginary part");
    for (const part of [spectrum.re, spectrum.im])
      part.forEach((value, k) => (part[k] = 1.5 * value));
    close(stft.synthesis(spectrum), again, 1e-6, "sound");
  }
});

test("magnitudes follow Mel bands", () => {
  const filters = melFilters(mel);
  const bands = melOf(Float32Array.from(python.vocoded.x), mel);
  close(smoothMagnitudes(bands, sharesOf(filters), mel), python.fit.smooth, 1e-5, "smooth");
  const fit = new MelFit(bands, mel.n_mels, filters, sharesOf(filters), mel.power);
  close(fit.update(Float32Array.from(python.fit.from)), python.fit.to, 1e-5, "fitted");
});

test("the vocoder makes the same sound of the same pitch", async () => {
  const { config, bins, voiced } = python.pitch;
  const logits = {
    bins: { data: Float32Array.from(bins) },
    voiced: { data: Float32Array.from(voiced) },
  };
  const session = { run: async () => logits };
  const vocoder = new Vocoder({ Tensor: class {} }, { metadata: { mel, config } }, session);
  const audio = await vocoder.sound(Float32Array.from(python.vocoded.x));
  // Griffin-Lim amplifies rounding: 60 dB below the sound is as far as two libraries differ.
  close(audio, python.vocoded.audio, 1e-2, "sound");
});

test("weights say what they are, and graphs of others are refused", async () => {
  const bytes = new Uint8Array(readFileSync(python.weights));
  const { metadata, layout } = await readAbout(bytes, "weights");
  assert.equal(metadata.labels.length, 18);
  const graph = new Uint8Array(readFileSync(python.weights.replace(/safetensors$/, "guided.onnx")));
  refuseOtherLayout(graph, layout, "graph");
  assert.throws(() => refuseOtherLayout(graph, "0123456789abcdef", "graph"), /export it again/);
  assert.throws(() => refuseOtherLayout(bytes, layout, "graph"), /no graph of scoresubnet/);
  await assert.rejects(readAbout(bytes.subarray(0, 1e6), "weights"), /not whole/);
  await assert.rejects(readAbout(bytes.subarray(9, 99), "weights"), /no safetensors file/);
});

test("a wav file of 16-bit samples", () => {
  const file = Buffer.from(wavOf(Float32Array.of(0, 0.5, -1, 1, 2), 16000));
  assert.equal(file.toString("latin1", 0, 4) + file.toString("latin1", 8, 16), "RIFFWAVEfmt ");
  assert.equal(file.readUInt32LE(24), 16000);
  assert.equal(file.readUInt32LE(40), 10);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((k) => file.readInt16LE(44 + 2 * k)),
    [0, 16384, -32768, 32767, 32767],
  );
});
