/** Sums of float32 arrays, computed in float64 and rounded once. */

/** a x + b y + ..., of pairs [a, x]: a number and an array each. */
export function weighted(...terms) {
  const sum = new Float32Array(terms[0][1].length);
  for (let i = 0; i < sum.length; i++) {
    let value = 0;
    for (const [factor, x] of terms) value += factor * x[i];
    sum[i] = value;
  }
  return sum;
}

/** Euclidean, at least the smallest number above 0 that is normal in float32. */
export function norm(x) {
  let sum = 0;
  for (const value of x) sum += value * value;
  return Math.max(Math.sqrt(sum), 2 ** -126);
}

/** softmax of a few logits, as plain numbers. */
export function softmax(logits) {
  const most = Math.max(...logits);
  const odds = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = odds.reduce((a, b) => a + b);
  return odds.map((odd) => odd / sum);
}

/** `count` numbers at equal distances, both ends among them. */
export function linspace(first, last, count) {
  const step = (last - first) / (count - 1);
  return Array.from({ length: count }, (_, k) => (k === count - 1 ? last : first + k * step));
}
