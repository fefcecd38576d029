/**
 * Computing again instead of remembering: activations of a part are dropped after the forward pass, and computed again when
 * its gradient needs them.
 *
 * tfjs-core's tape records operations; a part runs on its own tape, which records what it read from outside and is then
 * thrown away. On the outer tape it leaves one node, whose gradient runs the part a second time.
 */
import { afterKernel } from "@cambium/kernels";
import { clone, engine, type Tensor, tidy, zerosLike } from "@tensorflow/tfjs-core";
import "./gradients.ts";
import { around, type Hook } from "./hook.ts";
import type { ForwardOptions, Model } from "./model.ts";
import { runCustomKernel } from "./ops/run-kernel.ts";

type Tape = ReturnType<typeof engine>["state"]["activeTape"];
type TapeNode = Tape[number];

/** Runs `run` on another tape, and puts the present one back. */
function onTape<Result>(tape: Tape, run: () => Result): Result {
  const { state } = engine();
  const outer = state.activeTape;
  state.activeTape = tape;
  try {
    return run();
  } finally {
    state.activeTape = outer;
  }
}

/** Tensors that a part read and that were there before it ran. What it made for itself is gone by now. */
function readFromOutside(tape: Tape): Tensor[] {
  const read = new Set(tape.flatMap(({ inputs }) => Object.values(inputs)));
  return [...read].filter((tensor) => !tensor.isDisposed);
}

/** Tensors that `tidy` would dispose of before the gradient is taken. Those from before the tape began are not among them. */
function temporaryTensors(): ReadonlySet<Tensor> {
  const { scopeStack, gradientDepth } = engine().state;
  const begins = scopeStack.flatMap(({ name }, i) => (name === "forward" ? [i] : [])).at(-gradientDepth) ?? 0;
  return new Set(scopeStack.slice(begins).flatMap(({ track }) => track));
}

/**
 * The same function, of which a gradient remembers only the input and what the function reads from outside. Its
 * intermediate values are computed again when its gradient is taken: less memory for one more forward pass.
 *
 * Values and gradients are equal, also those of tensors that the function reads without being given them. So is its
 * randomness, which comes from keys. Outside of gradients nothing changes. Two things are the caller's to see to: tensors
 * that leave the function on other ways than by its result have no gradient, and what it reads must not be disposed of
 * before the gradient is taken, other than by `tidy`.
 *
 * @see Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174, section 4.
 * @example
 * const loss = sum(remat((h: Tensor) => gelu(matMul(h, weight)))(x));
 */
export function remat<Input extends Tensor, Output extends Tensor>(f: (x: Input) => Output): (x: Input) => Output {
  return (x) => {
    const { state } = engine();
    if (state.gradientDepth === 0 || state.kernelDepth > 0) return f(x);
    const tape: Tape = [];
    const y = onTape(tape, () => tidy(() => clone(f(x)))); // a tensor of this part, also where f passes on what it was given
    const temporary = temporaryTensors();
    const saved = tape.flatMap((node) => node.saved ?? []);
    for (const tensor of saved) if (!temporary.has(tensor)) tensor.dispose();
    const read = readFromOutside(tape);
    const kept = [
      ...saved.filter((tensor) => temporary.has(tensor)), // by a part within this one
      ...read.filter((tensor) => temporary.has(tensor) && !tensor.kept).map((tensor) => engine().keep(tensor)),
    ];
    state.activeTape.push({
      id: state.nextTapeNodeId++,
      kernelName: "Remat",
      inputs: Object.fromEntries(
        read.filter(({ dtype }) => dtype === "float32").map((tensor) => [String(tensor.id), tensor]),
      ),
      outputs: [y],
      saved: kept,
      // tfjs-core calls this on a node that has only those inputs whose gradient is asked for.
      gradient(this: TapeNode, [dy]: Tensor[]) {
        const names = Object.keys(this.inputs);
        const inputs = Object.values(this.inputs);
        const again = (): Output => f(runCustomKernel<Input>(afterKernel, { x, after: dy }));
        const { value, grads } = onTape(state.activeTape, () => engine().gradients(again, inputs, dy, true));
        value.dispose();
        const found = grads as readonly (Tensor | undefined)[];
        return Object.fromEntries(names.map((name, i) => [name, () => found[i] ?? zerosLike(inputs[i]!)]));
      },
    } as TapeNode);
    return y;
  };
}

/**
 * The same model, training in less memory: of each block only the input is remembered for the gradient, and the block is
 * computed again (`remat`). Deltas and hooks work as before; hooks that take values out of a block while a gradient is
 * recorded get values without gradient.
 *
 * @example
 * const tuned = attach(rematBlocks(base), lora(base, { rank: 8 }, random(1)), head(base));
 */
export function rematBlocks<M extends Model<never, unknown>>(model: M): M {
  const hook: Hook = around(
    "block",
    () => true,
    ({ input, next }) => remat(next)(input),
  );
  const outermost = (options: ForwardOptions = {}): ForwardOptions => ({
    ...options,
    hooks: [...(options.hooks ?? []), hook],
  });
  const { forward, loss } = model;
  return {
    ...model,
    forward: (input: never, options?: ForwardOptions) => forward(input, outermost(options)),
    ...(loss !== undefined && { loss: (input: never, options?: ForwardOptions) => loss(input, outermost(options)) }),
  };
}
