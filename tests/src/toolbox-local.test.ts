/** Every bundled tool is one that a model of this process can be made to call: the schema of its arguments is followed. */
import { disposeParameters, useBackend } from "@cambium/core";
import { generate } from "@cambium/models";
import { tinyChat } from "@cambium/models/testing";
import { kitIds, toolbox } from "@cambium/toolbox";
import { afterAll, beforeAll, expect, test } from "vitest";

let tiny: ReturnType<typeof tinyChat>;
beforeAll(async () => {
  await useBackend("cpu");
  tiny = tinyChat();
});
afterAll(() => disposeParameters(tiny.model.parameters));

test.each(kitIds)("arguments of the tools of %s are followed", async (kit) => {
  const box = toolbox({ kits: [kit] });
  try {
    expect(box.tools.length).toBeGreaterThan(0);
    for (const { name, inputSchema } of box.tools) {
      let text = "";
      const pieces = generate(tiny.model, tiny.tokenizer, "x", { format: { schema: inputSchema }, maxTokens: 1 });
      for await (const piece of pieces) text += piece.text;
      expect([name, text]).toEqual([name, "{"]);
    }
  } finally {
    await box.close();
  }
});
