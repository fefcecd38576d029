import { disposeParameters } from "@cambium/core";
import { expect, test } from "vitest";
import { ownName } from "./names.ts";
import { tinyModel } from "./testing/tiny.ts";

test.each(["bert", "roberta", "gpt2", "t5", "llama"])(
  "only names of the body become names of the body, whichever form a file has (%s)",
  (type) => {
    const model = tinyModel({ type });
    const { architecture, isBody } = model;
    const named = { wrapper: architecture.wrapper, isBody };
    for (const name of model.parameters.keys()) {
      expect(ownName(named, model.fileName(name))).toBe(name);
      const bare = name.replace(`${architecture.wrapper?.name}.`, "");
      expect(ownName(named, bare)).toBe(name);
    }
    expect(ownName(named, "projection_of_another")).toBe("projection_of_another");
    expect(isBody(`${architecture.wrapper?.name ?? "body"}.projection_of_another`)).toBe(false);
    disposeParameters(model.parameters);
  },
);
