/** The variance-preserving SDE of sde.py (paper, eq. 1), for times as plain (float64) numbers. */
export class VPSDE {
  constructor({ beta_min, beta_max, t_eps }) {
    this.betaMin = beta_min;
    this.betaMax = beta_max;
    this.tEps = t_eps;
  }

  beta(t) {
    return this.betaMin + t * (this.betaMax - this.betaMin);
  }

  logAlpha(t) {
    return -0.5 * (this.betaMin * t + 0.5 * (this.betaMax - this.betaMin) * t ** 2);
  }

  alpha(t) {
    return Math.exp(this.logAlpha(t));
  }

  sigma(t) {
    return Math.sqrt(-Math.expm1(2 * this.logAlpha(t)));
  }

  /** log(alpha / sigma). */
  logSNR(t) {
    return this.logAlpha(t) - Math.log(this.sigma(t));
  }

  /** The inverse of `logSNR`. */
  timeOfLogSNR(logSNR) {
    const x = -2 * logSNR;
    const c = 0.5 * (Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))); // -log alpha
    const a = 0.25 * (this.betaMax - this.betaMin);
    const b = 0.5 * this.betaMin;
    // a t^2 + b t = c, solved in the form that cancels nothing.
    return (2 * c) / (b + Math.sqrt(b ** 2 + 4 * a * c));
  }
}
