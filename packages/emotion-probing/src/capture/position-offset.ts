import { ConfigError } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { type LanguageModel, viewModel } from "@cambium/models";
import { concat, slice, type Tensor, tidy } from "@tensorflow/tfjs-core";

const TABLE = /(^|\.)position_embeddings\.weight$/;

/** A view of a model with a table of its own. */
export type Repositioned<M extends LanguageModel> = M & {
  /** Lets go of the table; what else the view reads is the model's. */
  dispose(): void;
};

/**
 * A RoBERTa whose positions are counted from another row of its table: from row 0, as studies that pass `0, 1, 2, …` themselves have it, where the model was
 * trained to begin behind the row of padding (row 2). To repeat such a study; a model reads worse so.
 *
 * @param model - Of RoBERTa's kind, and whole. It must outlive the view.
 * @param offset - The row of the first token: 0, up to where the model begins by itself.
 * @returns A view, for training, capture and ablation alike. It cannot be saved.
 * @throws {ConfigError} For a model that begins at row 0 by itself or has no such table, and rows that there are not.
 * @example
 * const asInTheStudy = withPositionOffset(roberta, 0);
 */
export function withPositionOffset<M extends LanguageModel>(model: M, offset: number): Repositioned<M> {
  const { config, parameters } = model as unknown as LanguageModel;
  const name = [...parameters.keys()].find((each) => TABLE.test(each));
  const { model_type: type, pad_token_id: pad } = config as { model_type: string; pad_token_id?: number };
  if (type !== "roberta" || name === undefined || pad === undefined)
    throw new ConfigError({
      message: `withPositionOffset: a ${type} counts its positions from row 0 of its table, or has none; this is for RoBERTa`,
    });
  const first = pad + 1;
  if (!Number.isInteger(offset) || offset < 0 || offset > first)
    throw new ConfigError({
      message: `withPositionOffset: offset must be a whole number from 0 to ${first}, where the model begins by itself, got ${offset}`,
      offset,
    });
  const table = parameters.get(name)!;
  // Row r of the view is row r − (first − offset) of the model; rows of padding stay.
  const moved: Tensor = tidy(() =>
    concat([slice(table, [0, 0], [first, -1]), slice(table, [offset, 0], [table.shape[0]! - first, -1])], 0),
  );
  const weights = new Map([[name, moved]]);
  const view = viewModel(model as unknown as LanguageModel, { without: [], weights });
  return { ...view, dispose: () => disposeParameters(weights) } as unknown as Repositioned<M>;
}
