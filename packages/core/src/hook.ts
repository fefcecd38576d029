/**
 * Hooks: middleware on sites and on weights.
 *
 * `around` gets a site's input and `next`, the rest of the way; `onWeight` gets a weight's value. The last hook of a
 * list is the outermost, for activations and for weights alike. Hooks hold no state and are differentiable.
 */
import { checkOptions } from "@cambium/base";
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import type { Random } from "./random.ts";
import type { Flow, Kind, Site } from "./site.ts";

/** What a hook may know besides its input. */
export interface Context {
  /** Whether dropout applies. */
  readonly training: boolean;
  /** Randomness of this site and this hook: two deltas at one site draw different numbers. */
  readonly random: Random;
  /** Whether the call begins its sequences. Later calls with a cache see what this one put there. */
  readonly first: boolean;
  /** For a batch whose rows want different deltas: the index of each row's, int32 `[batch]`, −1 for none. */
  readonly rows?: Tensor1D;
  /**
   * A parameter of the model. Inside `onWeight` it is as the weight hooks before this one left it, so a hook that reads
   * its own parameter gets `value`; inside `around` it is as the site itself reads it, after all weight hooks.
   */
  read(name: string): Tensor;
}

/** One visit to a site. */
export interface Call<K extends Kind> {
  readonly site: Site<K>;
  readonly input: Flow[K]["input"];
  /** The site itself and the hooks before this one. */
  readonly next: (input: Flow[K]["input"]) => Flow[K]["output"];
  readonly context: Context;
}

/** Middleware on the sites of one kind. */
export interface Around<K extends Kind = Kind> {
  readonly kind: K;
  /** Names the hook's owner; its randomness is derived from it. */
  readonly name?: string;
  /**
   * For linear layers, norms and activations: whether what it gives for a row of its input, such as a token, depends on that row
   * alone, in the same way wherever the row stands. Rows that nobody reads may then be left out of its input. @default false
   */
  readonly byRow?: true;
  /** Whether the hook applies to a site. */
  at(site: Site<K>): boolean;
  /** The site's output; `call.next(input)` computes what it would have been without this hook. */
  run(call: Call<K>): Flow[K]["output"];
}

/** Middleware on parameters, by name. */
export interface OnWeight {
  readonly kind: "weight";
  /** Names the hook's owner; its randomness is derived from it. */
  readonly name?: string;
  /** Whether the hook applies to a parameter, by its checkpoint name. */
  at(name: string): boolean;
  /** The parameter as the model shall see it, of the same shape. */
  run(name: string, value: Tensor, context: Context): Tensor;
}

/** Middleware on activations or on weights. */
export type Hook = { [K in Kind]: Around<K> }[Kind] | OnWeight;

/**
 * A hook on sites of one kind.
 *
 * @param options - `byRow` as in `Around`.
 * @example
 * const skipLayer3 = around("block", (site) => site.layer === 3, ({ input }) => input);
 */
export function around<K extends Kind>(
  kind: K,
  at: (site: Site<K>) => boolean,
  run: (call: Call<K>) => Flow[K]["output"],
  options: Pick<Around<K>, "byRow"> = {},
): Around<K> {
  checkOptions("around", options, ["byRow"]);
  return { kind, at, run, ...options };
}

/**
 * A hook on parameters. A parameter that is read twice in one forward pass is edited once.
 *
 * @example
 * const doubled = onWeight((name) => name.endsWith("query.weight"), (name, value) => mul(value, 2));
 */
export function onWeight(at: (name: string) => boolean, run: OnWeight["run"]): OnWeight {
  return { kind: "weight", at, run };
}

/** The same hook under a name, from which its randomness is derived. */
export function nameHook<H extends Hook>(hook: H, name: string): H {
  return { ...hook, name: hook.name === undefined ? name : `${name}/${hook.name}` };
}
