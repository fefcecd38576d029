import { expect, test } from "vitest";
import { readSettings } from "./settings.ts";

test("a quick run needs no model, another one does", () => {
  expect(readSettings(["--quick"])).toMatchObject({ steps: 40, batchSize: 16, rank: 16, backend: "auto" });
  expect(() => readSettings([])).toThrow("--model: expected a folder, or --quick for a sapling");
});

test("help asks for nothing else", () => {
  expect(readSettings(["--help"])).toBeUndefined();
});

test.each([
  [["--stepz", "3"], "Unknown option '--stepz'"],
  [["--quick", "--steps", "0"], '--steps: expected an integer from 1, got "0"'],
  [["--quick", "--rank", "1.5"], '--rank: expected an integer from 1, got "1.5"'],
  [["--quick", "--learning-rate", "fast"], '--learning-rate: expected a number from 0 to 1, got "fast"'],
  [
    ["--quick", "--backend", "cuda"],
    '--backend: expected one of auto, onnx, wasm, cpu, webgpu, tensorflow, got "cuda"',
  ],
])("%j is wrong use", (args, message) => {
  expect(() => readSettings(args)).toThrow(message);
});
