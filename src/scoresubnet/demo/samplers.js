/**
 * Solvers of the reverse process, as in samplers/: plain functions of one signature.
 *
 * sampler(score, x, times, noise, sde, callback) -> x at the last time
 *
 * score     async (x, t) -> score; guidance, if any, is already inside
 * x         the start, Float32Array
 * times     falling times, plain numbers
 * noise     () -> standard normal, as long as x
 * callback  async, called with (step, x) after each step
 */
import { norm, weighted } from "./arrays.js";

/** Tweedie's estimate of X_0, (x + sigma^2 score) / alpha. */
async function denoised(score, x, t, sde) {
  const alpha = sde.alpha(t);
  return weighted([1 / alpha, x], [sde.sigma(t) ** 2 / alpha, await score(x, t)]);
}

/** The step that is exact while X_0 stays as estimated (Lu et al. 2022); eta 0: ODE, 1: SDE. */
function exactMean(x, x0, t, then, sde, eta) {
  const h = sde.logSNR(then) - sde.logSNR(t);
  const shrink = (sde.sigma(then) / sde.sigma(t)) * Math.exp(-eta * h);
  return weighted([shrink, x], [-sde.alpha(then) * Math.expm1(-(1 + eta) * h), x0]);
}

/** DPM-Solver++(2M), and its SDE form, which adds noise but in its last step. */
const multistep = (eta) =>
  async function (score, x, times, noise, sde, callback) {
    const logSNR = times.map((t) => sde.logSNR(t));
    let before = null;
    for (let step = 0; step + 1 < times.length; step++) {
      const [t, then] = [times[step], times[step + 1]];
      const h = logSNR[step + 1] - logSNR[step];
      const last = step + 2 === times.length;
      const x0 = await denoised(score, x, t, sde);
      let towards = x0;
      if (step && !last) {
        const ahead = h / (2 * (logSNR[step] - logSNR[step - 1]));
        towards = weighted([1 + ahead, x0], [-ahead, before]);
      }
      x = exactMean(x, towards, t, then, sde, eta);
      if (eta && !last) {
        x = weighted([1, x], [sde.sigma(then) * Math.sqrt(-Math.expm1(-2 * h)), noise()]);
      }
      before = x0;
      await callback(step, x);
    }
    return x;
  };

/** Move X / alpha by eps times the change of sigma / alpha. */
function follow(x, epsilon, t, then, sde) {
  const shrink = Math.exp(sde.logAlpha(then) - sde.logAlpha(t));
  return weighted([shrink, x], [sde.sigma(then) - shrink * sde.sigma(t), epsilon]);
}

async function epsilonOf(score, x, t, sde) {
  return weighted([-sde.sigma(t), await score(x, t)]);
}

async function ddim(score, x, times, noise, sde, callback) {
  for (let step = 0; step + 1 < times.length; step++) {
    const [t, then] = [times[step], times[step + 1]];
    x = follow(x, await epsilonOf(score, x, t, sde), t, then, sde);
    await callback(step, x);
  }
  return x;
}

async function heun(score, x, times, noise, sde, callback) {
  for (let step = 0; step + 1 < times.length; step++) {
    const [t, then] = [times[step], times[step + 1]];
    const atStart = await epsilonOf(score, x, t, sde);
    const atEnd = await epsilonOf(score, follow(x, atStart, t, then, sde), then, sde);
    x = follow(x, weighted([0.5, atStart], [0.5, atEnd]), t, then, sde);
    await callback(step, x);
  }
  return x;
}

/** One step of Euler-Maruyama on the reverse SDE (paper, eq. 2); the last is exact, without noise. */
async function reverseStep(score, x, t, then, noise, sde) {
  if (noise === null) return exactMean(x, await denoised(score, x, t, sde), t, then, sde, 1);
  const dt = then - t;
  const beta = sde.beta(t);
  const s = await score(x, t);
  return weighted([1 - 0.5 * beta * dt, x], [-beta * dt, s], [Math.sqrt(-beta * dt), noise()]);
}

/** x + eps s + sqrt(2 eps) z with eps = 2 (r |z| / |s|)^2 (Song et al. 2021, algorithm 5). */
async function langevin(score, x, t, z, ratio) {
  const s = await score(x, t);
  const eps = 2 * ((ratio * norm(z)) / norm(s)) ** 2;
  return weighted([1, x], [eps, s], [Math.sqrt(2 * eps), z]);
}

/** @param ratio the signal-to-noise ratio of the corrector; null: there is none */
const bySmallSteps = (ratio) =>
  async function (score, x, times, noise, sde, callback) {
    for (let step = 0; step + 1 < times.length; step++) {
      const [t, then] = [times[step], times[step + 1]];
      const last = step + 2 === times.length;
      x = await reverseStep(score, x, t, then, last ? null : noise, sde);
      if (ratio !== null && !last) x = await langevin(score, x, then, noise(), ratio);
      await callback(step, x);
    }
    return x;
  };

export const SAMPLERS = {
  "euler-maruyama": bySmallSteps(null),
  "predictor-corrector": bySmallSteps(0.16),
  ddim,
  heun,
  "dpmpp-2m": multistep(0),
  "dpmpp-2m-sde": multistep(1),
};
