import { expect, test } from "vitest";
import { createTextChunks, textReplyToWire, textRequestFromWire } from "./completion.ts";

test.each<[string, unknown]>([
  ["a text", "Once"],
  ["a text in a list", ["Once"]],
  ["ids", [1, 2]],
  ["ids in a list", [[1, 2]]],
])("a prompt may be %s", (_, prompt) => {
  const { request } = textRequestFromWire({ model: "m", prompt });
  expect(request).toEqual({ prompt: JSON.stringify(prompt).includes("Once") ? "Once" : [1, 2], maxTokens: 16 });
});

test.each<[object, string]>([
  [{ prompt: ["a", "b"] }, "prompt"],
  [{ prompt: [] }, "prompt"],
  [{ prompt: "" }, "prompt"],
  [{}, "prompt"],
  [{ prompt: "a", echo: true }, "echo"],
  [{ prompt: "a", suffix: "b" }, "suffix"],
  [{ prompt: "a", logprobs: true }, "logprobs"],
])("%j is an error of %s", (more, param) => {
  expect(() => textRequestFromWire({ model: "m", ...more })).toThrow(expect.objectContaining({ details: { param } }));
});

test("offsets say where each token begins in the text, whole and in pieces", () => {
  const scored = (token: string, bytes: number[]) => ({ token, bytes, logprob: -1, top_logprobs: [] });
  const [first, second] = [new TextEncoder().encode("é").subarray(0, 1), new TextEncoder().encode("é").subarray(1)];
  const tokens = [
    scored("ab", [97, 98]),
    scored("\ufffd", [...first]),
    scored("\ufffd", [...second]),
    scored("c", [99]),
  ];
  const logprobs = (content: readonly object[]) => ({ openai: { logprobs: { content } } }) as never;
  const envelope = { id: "x", created: 0, model: "m" };
  const content = [{ type: "text" as const, text: "abéc" }];
  const whole = textReplyToWire({ content, finish: "stop", provider: logprobs(tokens) }, envelope);
  expect(whole).toMatchObject({
    choices: [{ logprobs: { text_offset: [0, 2, 2, 3], tokens: ["ab", "\ufffd", "\ufffd", "c"] } }],
  });
  const chunks = createTextChunks(envelope);
  const offsets = tokens.map(
    (token) => chunks.piece("", logprobs([token])) as { choices: { logprobs: { text_offset: number[] } }[] },
  );
  expect(offsets.flatMap(({ choices }) => choices[0]!.logprobs.text_offset)).toEqual([0, 2, 2, 3]);
});
