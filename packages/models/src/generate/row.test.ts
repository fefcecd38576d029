import { disposeParameters } from "@cambium/core";
import { expect, test } from "vitest";
import { tinyChat } from "../testing/tiny-chat.ts";
import type { GenerationDefaults } from "./generation-config.ts";
import { createRow } from "./row.ts";
import { decodingOf } from "./settings.ts";

const NOTHING: GenerationDefaults = { stopIds: [] };

test("a text that is cut off has no half of a character at its end", () => {
  const { model, tokenizer: bytes } = tinyChat();
  disposeParameters(model.parameters);
  const [first, ...others] = bytes.pieces("😀");
  const taken = (finish: string, ids: readonly number[], stopIds: readonly number[] = []) => {
    const decoding = decodingOf("test", { maxTokens: ids.length + (finish === "length" ? 0 : 1), stopIds }, NOTHING);
    const context = { caller: "test", tokenizer: bytes, decoding, usage: { prompt: 1, cached: 0 }, random: undefined };
    const row = createRow({ ...context, ids: [5], room: 100, continues: false, constraint: undefined });
    for (const id of ids) {
      row.take(Float32Array.from({ length: bytes.vocabularySize }, (_, each) => (each === id ? 1 : 0)));
    }
    if (finish === "aborted") row.abort();
    return row.result;
  };
  expect(taken("length", [first!, ...others])).toMatchObject({ finish: "length", text: "😀" });
  for (const finish of ["length", "aborted"]) {
    expect(taken(finish, [...bytes.pieces("ab"), first!, others[0]!])).toMatchObject({ finish, text: "ab" });
  }
  expect(taken("stop", [first!, 2], [2])).toMatchObject({ finish: "stop", text: "\ufffd" }); // the model ended it so
});
