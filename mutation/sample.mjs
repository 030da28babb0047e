// Which mutants of many are tried: drawn by a seed, so that a score can be had again.

const MODULUS = 0x7fffffff;
const FACTOR = 48271;
/** Spreads small seeds. */
const SPREAD = 69621;

/** Numbers below 1, the same ones for a seed: a multiplicative generator. */
function random(seed) {
  let state = ((seed * SPREAD) % (MODULUS - 1)) + 1;
  return () => {
    state = (state * FACTOR) % MODULUS;
    return state / MODULUS;
  };
}

/** All of `all` in an order that the seed draws: its first ones are a sample. */
export function drawn(all, seed) {
  const next = random(seed);
  const order = [...all];
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}
