/** Classifier guidance (paper, eq. 5): a wrapper around the score, as in guidance.py. */
import { norm, weighted } from "./arrays.js";

/** name -> (gamma, the schedule's own numbers) -> gamma(t, p); p is null before it is known. */
const SCHEDULES = {
  constant: (gamma) => () => gamma,
  interval:
    (gamma, { low = 0.1, high = 0.7 }) =>
    (t) =>
      t >= Math.fround(low) && t <= Math.fround(high) ? gamma : 0,
  linear:
    (gamma, { start = 0, end = 2 }) =>
    (t) =>
      gamma * (end + (start - end) * t),
  cosine:
    (gamma, { start = 0, end = 2 }) =>
    (t) =>
      gamma * (end + ((start - end) * (1 - Math.cos(Math.PI * t))) / 2),
  adaptive:
    (gamma, { power = 1 }) =>
    (t, p) =>
      p === null ? gamma : gamma * Math.max(1 - p, 0) ** power,
};

export const SCHEDULE_NAMES = Object.keys(SCHEDULES);

/** gamma(t, p) of a schedule as one writes it, such as "interval:low=0.1,high=0.7". */
export function readSchedule(text, gamma) {
  const [name, rest] = text.split(":");
  if (!(name in SCHEDULES)) throw new Error(`unknown guidance schedule ${text}`);
  const numbers = {};
  for (const part of rest ? rest.split(",") : []) {
    const [key, value] = part.split("=");
    numbers[key] = Number(value);
  }
  return SCHEDULES[name](gamma, numbers);
}

/**
 * The score s(x, t) + gamma(t) grad log p(y | x, t).
 *
 * @param both async (x, t) -> {score, gradient, probability}
 * @param alone async (x, t) -> the same score; asked where gamma is 0
 * @param clamp the guidance term is at most so many times as long as the score, or null
 * @param renormalise whether the guided score is as long as the unguided one
 */
export function guided(both, gamma, alone, clamp, renormalise) {
  return async (x, t) => {
    if (gamma(t, null) === 0) return alone(x, t);
    const { score, gradient, probability } = await both(x, t);
    let strength = gamma(t, probability);
    if (clamp !== null) {
      const term = Math.abs(strength) * norm(gradient);
      strength *= Math.min((clamp * norm(score)) / Math.max(term, 2 ** -126), 1);
    }
    const sum = weighted([1, score], [strength, gradient]);
    return renormalise ? weighted([norm(score) / norm(sum), sum]) : sum;
  };
}
