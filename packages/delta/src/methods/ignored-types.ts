import { type Hook, onWeight } from "@cambium/core";
import { slice, tile } from "@tensorflow/tfjs-core";
import type { Host } from "../host.ts";
import { endsWithName } from "../targets.ts";

/** Whether the model's types of tokens count: the first and the second text of a pair. */
export type Types = "read" | "ignored";

/** The table of types, where the model has one that tells any apart. */
export function typeTable({ tensors }: Host): string | undefined {
  const name = [...tensors.keys()].find((each) => endsWithName(each, "token_type_embeddings.weight"));
  return name !== undefined && tensors.get(name)!.shape[0]! > 1 ? name : undefined;
}

/** With types ignored, every type is the first. */
export function ignoringTypes(shape: Host, { types }: { readonly types: Types }): readonly Hook[] {
  const table = types === "ignored" ? typeTable(shape) : undefined;
  if (table === undefined) return [];
  return [
    onWeight(
      (name) => name === table,
      (_, value) => tile(slice(value, [0, 0], [1, -1]), [value.shape[0]!, 1]),
    ),
  ];
}
