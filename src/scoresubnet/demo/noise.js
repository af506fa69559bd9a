/**
 * Noise from seeds: that of torch's generator on the CPU, as in noise.py.
 *
 * The Mersenne Twister (Matsumoto & Nishimura 1998) gives 24-bit uniform numbers, and Box & Muller's
 * method (1958) turns blocks of 16 of them into 16 normal ones.
 */

const N = 624;
const M = 397;
const BLOCK = 16;

export const MOST_SEED = 2 ** 32 - 1;

export class Draws {
  #state = new Uint32Array(N);
  #place = N;

  /** @param seed 0 to 2^32 - 1 */
  constructor(seed) {
    if (!(Number.isInteger(seed) && seed >= 0 && seed <= MOST_SEED)) {
      throw new RangeError(
        `seed ${seed} is out of range; it is a whole number of 0 to ${MOST_SEED}`,
      );
    }
    const state = this.#state;
    state[0] = seed;
    for (let k = 1; k < N; k++) {
      state[k] = Math.imul(1812433253, state[k - 1] ^ (state[k - 1] >>> 30)) + k;
    }
  }

  /** The next 32 bits. */
  bits() {
    if (this.#place === N) this.#turn();
    let y = this.#state[this.#place++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #turn() {
    const state = this.#state;
    for (let k = 0; k < N; k++) {
      const y = (state[k] & 0x80000000) | (state[(k + 1) % N] & 0x7fffffff);
      state[k] = state[(k + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#place = 0;
  }

  /** As `torch.rand`: float32 in [0, 1). */
  uniform(count) {
    return Float32Array.from({ length: count }, () => (this.bits() & 0xffffff) * 2 ** -24);
  }

  /** As `torch.randn`, of 16 numbers or more: standard normal float32. */
  normal(count) {
    if (count < BLOCK) throw new RangeError(`${count} numbers are fewer than ${BLOCK}`);
    const made = this.uniform(count);
    for (let k = 0; k + BLOCK <= count; k += BLOCK) boxMuller(made.subarray(k, k + BLOCK));
    if (count % BLOCK) {
      // The last 16 are drawn anew, over some that were there.
      const last = this.uniform(BLOCK);
      boxMuller(last);
      made.set(last, count - BLOCK);
    }
    return made;
  }
}

const TURN = Math.fround(2 * Math.PI);

/** 16 uniform numbers become normal; the first half belongs to the second. */
function boxMuller(block) {
  const half = BLOCK / 2;
  for (let k = 0; k < half; k++) {
    const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log1p(-block[k])))));
    const angle = Math.fround(TURN * block[half + k]);
    block[k] = radius * Math.fround(Math.cos(angle));
    block[half + k] = radius * Math.fround(Math.sin(angle));
  }
}
