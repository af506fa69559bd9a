/** From a network's output to the score -eps / sigma, as in score.py (paper, eq. 4). */
import { weighted } from "./arrays.js";

/** name -> factors [of x, of the output] whose sum is eps, at time t. */
const PARAMETRISATIONS = {
  epsilon: () => [0, 1],
  v: (t, sde) => [sde.sigma(t), sde.alpha(t)],
};

export function scoreFromOutput(output, x, t, sde, parametrisation) {
  const [ofX, ofOutput] = PARAMETRISATIONS[parametrisation](t, sde);
  const scale = -1 / sde.sigma(t);
  return weighted([scale * ofX, x], [scale * ofOutput, output]);
}
