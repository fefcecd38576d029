import { expect, test } from "vitest";
import { HELP, parseFlags } from "./flags.ts";

test("no options give the defaults", () => {
  expect(parseFlags([])).toEqual({
    help: false,
    quick: false,
    fewShot: false,
    seed: 1,
    out: "runs/tune-mail",
    backend: "auto",
    verbose: false,
  });
});

test("every option is read", () => {
  const args = "--quick --few-shot --seed 7 --out there --model here --backend wasm --frozen int8 --verbose".split(" ");
  expect(parseFlags(args)).toEqual({
    help: false,
    quick: true,
    fewShot: true,
    seed: 7,
    out: "there",
    model: "here",
    backend: "wasm",
    frozen: "int8",
    verbose: true,
  });
});

test.each([
  ["an unknown option", ["--sede", "3"], "Unknown option '--sede'; --help lists the options"],
  ["a seed that is no integer", ["--seed", "1.5"], '--seed: expected an integer from 0 to 2^53 - 1, got "1.5"'],
  ["an empty seed", ["--seed", ""], '--seed: expected an integer from 0 to 2^53 - 1, got ""'],
  [
    "an unknown backend",
    ["--backend", "cuda"],
    '--backend: expected one of auto, onnx, wasm, cpu, webgpu, tensorflow, got "cuda"',
  ],
  ["another width than 8 bits", ["--frozen", "int4"], '--frozen: expected int8, got "int4"'],
  ["an empty folder", ["--out", ""], "--out: expected a folder, got an empty text"],
  ["a stray word", ["fast"], "Unexpected argument 'fast'"],
  ["an option without its value", ["--seed"], "Option '--seed <value>' argument missing"],
])("%s is wrong use", (_, args, message) => {
  let thrown: unknown;
  try {
    parseFlags(args);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: "USAGE" });
  expect((thrown as Error).message).toContain(message);
});

test("the help names every option", () => {
  for (const option of ["help", "quick", "few-shot", "seed", "out", "model", "backend", "frozen", "verbose"])
    expect(HELP).toContain(`--${option}`);
});
