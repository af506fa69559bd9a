/** Where the steps lie, as in time_grids.py: (steps, sde) -> falling times, from 1 to t_eps. */
import { linspace } from "./arrays.js";

const RHO = 7;

export const TIME_GRIDS = {
  uniform: (steps, sde) => linspace(1, sde.tEps, steps + 1),
  quadratic: (steps, sde) =>
    withEnds(
      linspace(1, Math.sqrt(sde.tEps), steps + 1).map((root) => root ** 2),
      sde,
    ),
  "log-snr": (steps, sde) => {
    const places = linspace(sde.logSNR(1), sde.logSNR(sde.tEps), steps + 1);
    return withEnds(
      places.map((logSNR) => sde.timeOfLogSNR(logSNR)),
      sde,
    );
  },
  karras: (steps, sde) => {
    const [first, last] = [1, sde.tEps].map((t) => Math.exp(-sde.logSNR(t) / RHO));
    const roots = linspace(first, last, steps + 1);
    return withEnds(
      roots.map((root) => sde.timeOfLogSNR(-RHO * Math.log(root))),
      sde,
    );
  },
};

function withEnds(times, sde) {
  times[0] = 1;
  times[times.length - 1] = sde.tEps;
  return times;
}
