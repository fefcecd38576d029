/** The hidden states that a student is compared with its teacher by. */
import { ConfigError } from "@cambium/base";
import { around, type Hook } from "@cambium/core";
import { type LanguageModel, type LanguageOutput, lastRow, meanRow, poolOf } from "@cambium/models";
import { clone, dispose, keep, reshape, slice, stack, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";

/** Which row of each sequence stands for it. */
export type StateRow = "first" | "last" | "mean";

/** The row that a head reads: of encoders the first token, of decoders the last. */
export function stateRowOf({ head, architecture }: Pick<LanguageModel, "head" | "architecture">): StateRow {
  const asked = head === undefined ? undefined : poolOf(head);
  const [usual] = head === undefined || head.kind === "embedding" ? [] : (architecture.heads[head.kind]?.pools ?? []);
  return asked ?? usual ?? "mean";
}

/** What records states on the way of a forward pass. */
export interface StateRecorder {
  /** Outside of all others. */
  readonly hooks: readonly Hook[];
  /**
   * What stood before each block, of the one row: `[batch, blocks, dModel]`. That is the output of the embeddings and of every block but
   * the last. It can be asked for once.
   */
  take(output: LanguageOutput): Tensor3D;
  /** Frees what was not taken. */
  dispose(): void;
}

/** A recorder for one forward pass. Of two stacks it records the encoder. */
export function recordStates(row: StateRow): StateRecorder {
  const kept: Tensor3D[] = [];
  const hook = around(
    "block",
    ({ stack: of }) => of !== "decoder",
    ({ input, next }) => {
      kept.push(keep(clone(input)));
      return next(input);
    },
  );
  const free = (): void => dispose(kept.splice(0));
  return {
    hooks: [hook],
    take({ mask, extra }) {
      const first = kept[0];
      if (first === undefined)
        throw new ConfigError({ message: "recycling: the model has no blocks whose states could be compared" });
      // A decoder above an encoder has its mask; rows of the encoder are counted from their own start.
      const rows = kept.map((hidden): Tensor => rowOf(hidden, row, { mask, extra }));
      const states = stack(rows, 1) as Tensor3D;
      free();
      return states;
    },
    dispose: free,
  };
}

function rowOf(hidden: Tensor3D, row: StateRow, { mask, extra }: Pick<LanguageOutput, "mask" | "extra">): Tensor {
  const [batch, , dModel] = hidden.shape;
  if (row === "last") return lastRow({ hidden, mask });
  if (row === "mean") return meanRow({ hidden, mask, extra });
  return reshape(slice(hidden, [0, extra, 0], [batch, 1, dModel]), [batch, dModel]);
}
