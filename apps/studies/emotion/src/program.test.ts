import { readSettings } from "@cambium/study-kit";
import { expect, test } from "vitest";
import { FULL } from "./plan.ts";
import { emotion } from "./program.ts";

test("another encoder has its own folder, unless one is named", () => {
  const extent = { ...FULL, encoder: "roberta" };
  expect(readSettings(emotion, ["run", "--encoder", "roberta"])).toMatchObject({ extent, out: "runs/emotion-roberta" });
  expect(readSettings(emotion, ["run", "--encoder", "roberta", "--out", "here"])).toMatchObject({
    extent,
    out: "here",
  });
  expect(readSettings(emotion, ["replicate", "--reference", "copy"])).toMatchObject({
    verb: "replicate",
    own: { reference: "copy" },
  });
});

test.each([
  [["run", "--encoder", "bert"], "expected minilm or roberta"],
  [["run", "--smoke", "--encoder", "roberta"], "not with --smoke"],
  [["replicate"], "--reference and replicate belong together"],
  [["run", "--reference", "x"], "--reference and replicate belong together"],
])("wrong use is an error that says what was expected: %j", (args, message) => {
  expect(() => readSettings(emotion, args)).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(message) }),
  );
});
