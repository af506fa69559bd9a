/** From a word to its log-Mel, as pipeline.py does. */
import { guided, readSchedule } from "./guidance.js";
import { Draws } from "./noise.js";
import { SAMPLERS } from "./samplers.js";
import { TIME_GRIDS } from "./time-grids.js";

/**
 * @param model of `openModel`
 * @param label one of its labels; null is no word in particular
 * @param sampling settings that differ from those that the weights ask for
 * @param callback async, called with (steps made, x), first with the noise
 * @returns the scaled log-Mel, n_mels x frames, in [-1, 1]
 */
export async function generate(model, label, seed, sampling = {}, callback = async () => {}) {
  const chosen = { ...model.sampling, ...sampling };
  const draws = new Draws(seed);
  const noise = () => draws.normal(model.size);
  const times = TIME_GRIDS[chosen.grid](chosen.steps, model.sde);
  const score = scoreOf(model, label, chosen);
  const sampler = SAMPLERS[chosen.sampler];
  const start = noise();
  await callback(0, start);
  const after = (step, x) => callback(step + 1, x);
  const x = await sampler(inFloat32(score), start, times, noise, model.sde, after);
  return x.map((value) => Math.min(Math.max(value, -1), 1));
}

/** The word that the classifier hears, with its probability; null where there is no classifier. */
export async function classify(model, x) {
  if (!model.hears) return null;
  const probabilities = await model.probabilities(x);
  const confidence = Math.max(...probabilities);
  return { heard: model.labels[probabilities.indexOf(confidence)], confidence };
}

/** The score, guided where it asks for a word. */
function scoreOf(model, label, chosen) {
  if (label === null) return (x, t) => model.score(x, t, -1);
  const index = model.labels.indexOf(label);
  if (index < 0) throw new Error(`these weights do not know the word ${label}`);
  if (!model.canBeGuided) throw new Error("these weights are told no words; ask for none");
  const alone = (x, t) => model.score(x, t, index);
  if (chosen.guidance === 0) return alone;
  const both = (x, t) => model.withClassGradient(x, t, index);
  const gamma = readSchedule(chosen.schedule, chosen.guidance);
  return guided(both, gamma, alone, chosen.clamp, chosen.renormalise);
}

/** Networks get times in float32, and what is made of their outputs goes by the same times. */
function inFloat32(score) {
  return (x, t) => score(x, Math.fround(t));
}
