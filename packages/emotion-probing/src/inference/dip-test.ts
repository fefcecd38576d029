import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";

/** Settings of `dipTest`. */
export interface DipTestOptions {
  /** Samples of the uniform distribution; p is no less than 1 over one more. @default 2000 */
  readonly draws?: number;
  readonly random: Random;
}

/** How far numbers are from having one peak. */
export interface DipTest {
  /** Greatest distance of their distribution function from the nearest one with one peak; from `1 / (2n)` up to 1/4. */
  readonly dip: number;
  /** Share of uniform samples, this one among them, whose dip is as great: `(1 + b) / (1 + draws)`. Small where there are several peaks. */
  readonly p: number;
}

/**
 * Whether numbers come from a distribution with one peak: Hartigan and Hartigan's dip, tested against the uniform distribution, which
 * of all with one peak has the greatest dip. O(draws · n log n).
 *
 * @param values - At least four finite numbers, in any order.
 * @throws {ConfigError} For options that do not exist or cannot be meant, and fewer or other numbers.
 * @see Hartigan and Hartigan 1985, The dip test of unimodality, doi:10.1214/aos/1176346577; Hartigan 1985, algorithm AS 217,
 *      doi:10.2307/2347485.
 * @example
 * const { dip, p } = dipTest(drops, { random: random(1) });
 */
export function dipTest(values: ArrayLike<number>, options: DipTestOptions): DipTest {
  checkOptions("dipTest", options, ["draws", "random"]);
  const { draws = 2000, random } = options;
  if (!Number.isSafeInteger(draws) || draws < 1)
    throw new ConfigError({ message: `dipTest: draws must be an integer from 1, got ${draws}`, draws });
  const sorted = Float64Array.from(values).sort();
  if (sorted.length < 4 || !sorted.every(Number.isFinite))
    throw new ConfigError({
      message: `dipTest: at least four finite numbers are needed, got ${sorted.length} numbers`,
    });
  const dip = dipOf(sorted);
  let reached = 0;
  for (let draw = 0; draw < draws; draw++) {
    const uniform = Float64Array.from(random.at(draw).uniforms(sorted.length)).sort();
    if (dipOf(uniform) >= dip - 1e-12) reached += 1;
  }
  return { dip, p: (1 + reached) / (1 + draws) };
}

/** Places at which the greatest convex minorant of the distribution function up to each place last touches it, before that place. */
function minorant(x: Float64Array): Int32Array {
  const before = new Int32Array(x.length);
  for (let j = 1; j < x.length; j++) {
    let at = j - 1;
    // The slope to `at` must not be below the slope before it: else `at` lies above the line.
    while (at > 0 && (x[j]! - x[at]!) * (at - before[at]!) >= (x[at]! - x[before[at]!]!) * (j - at)) at = before[at]!;
    before[j] = at;
  }
  return before;
}

/** The same of the least concave majorant from each place on: where it next touches. */
function majorant(x: Float64Array): Int32Array {
  const last = x.length - 1;
  const after = new Int32Array(x.length).fill(last);
  for (let j = last - 1; j >= 0; j--) {
    let at = j + 1;
    while (at < last && (x[at]! - x[j]!) * (after[at]! - at) >= (x[after[at]!]! - x[at]!) * (at - j)) at = after[at]!;
    after[j] = at;
  }
  return after;
}

/** Places from `from` to `to`, by what leads from one to the next. */
function chain(next: Int32Array, from: number, to: number): number[] {
  const places = [from];
  while (places.at(-1) !== to) places.push(next[places.at(-1)!]!);
  return places;
}

/**
 * The dip of sorted numbers. The peak is sought in an interval that shrinks: to where minorant and majorant within it are furthest apart.
 * What lies outside of it must be convex below and concave above, and how far it is from that is the dip. Heights are in steps of `1 / n`.
 */
function dipOf(x: Float64Array): number {
  const n = x.length;
  if (x[0] === x[n - 1]) return 1 / (2 * n); // one value: one peak
  const [before, after] = [minorant(x), majorant(x)];
  let [low, high, dip] = [0, n - 1, 1];
  for (;;) {
    const convex = chain(before, high, low).reverse(); // from low to high
    const concave = chain(after, low, high);
    const { distance, from, to } = furthest(x, convex, concave);
    if (distance < dip) break;
    dip = Math.max(dip, convexDip(x, convex, from), concaveDip(x, concave, to));
    if (low === from && high === to) break;
    [low, high] = [from, to];
  }
  return dip / (2 * n);
}

/** Height of the chord between two places of a list of touching places, at x of a place. */
function heightAt(x: Float64Array, a: number, b: number, place: number): number {
  return x[b] === x[a] ? a : a + ((x[place]! - x[a]!) * (b - a)) / (x[b]! - x[a]!);
}

/** Where the majorant stands highest above the minorant, and the places of both that touch around it. */
function furthest(
  x: Float64Array,
  convex: readonly number[],
  concave: readonly number[],
): { readonly distance: number; readonly from: number; readonly to: number } {
  const [low, high] = [concave[0]!, concave.at(-1)!];
  if (convex.length === 2 && concave.length === 2) return { distance: 1, from: low, to: high };
  let best = { distance: 0, from: low, to: high };
  let at = 1; // of the majorant: the first place that is not before the minorant's
  for (let i = 0; i < convex.length; i++) {
    const place = convex[i]!;
    while (at < concave.length - 1 && concave[at]! < place) at++;
    // Above a place of the minorant, whose distribution function has its lower edge there.
    const distance = heightAt(x, concave[at - 1]!, concave[at]!, place) - place + 1;
    const isInside = place > concave[at - 1]! || place === low;
    if (isInside && distance >= best.distance && i > 0 && i < convex.length - 1)
      best = { distance, from: place, to: concave[at]! };
  }
  at = 1;
  for (let i = 1; i < concave.length - 1; i++) {
    const place = concave[i]!;
    while (at < convex.length - 1 && convex[at]! < place) at++;
    const distance = place - heightAt(x, convex[at - 1]!, convex[at]!, place) + 1;
    if (distance >= best.distance) best = { distance, from: convex[at - 1]!, to: place };
  }
  return best;
}

/** How far the distribution function stands above its convex minorant, up to a place. */
function convexDip(x: Float64Array, convex: readonly number[], upTo: number): number {
  let most = 1;
  for (let i = 1; i < convex.length && convex[i]! <= upTo; i++) {
    const [a, b] = [convex[i - 1]!, convex[i]!];
    if (b - a < 2 || x[a] === x[b]) continue;
    for (let place = a; place <= b; place++) most = Math.max(most, place - heightAt(x, a, b, place) + 1);
  }
  return most;
}

/** How far it stands below its concave majorant, from a place on. */
function concaveDip(x: Float64Array, concave: readonly number[], from: number): number {
  let most = 1;
  for (let i = 1; i < concave.length; i++) {
    const [a, b] = [concave[i - 1]!, concave[i]!];
    if (a < from || b - a < 2 || x[a] === x[b]) continue;
    for (let place = a; place <= b; place++) most = Math.max(most, heightAt(x, a, b, place) - place + 1);
  }
  return most;
}
