import { getBackend } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { useBackend } from "./backend.ts";

afterEach(async () => {
  await useBackend("cpu");
});

test("calls at once answer with their own backends, and the last one stays", async () => {
  const choices = ["cpu", "wasm", "onnx", "cpu", "wasm"] as const;
  const runtimes = await Promise.all(choices.map((choice) => useBackend(choice)));
  expect(runtimes.map(({ backend }) => backend)).toEqual(choices);
  expect(getBackend()).toBe("wasm");
});

test("a call that fails holds nobody up", async () => {
  const [failed, worked] = await Promise.allSettled([useBackend("tensorflow"), useBackend("cpu")]);
  expect(failed.status).toBe("rejected");
  expect(worked).toMatchObject({ status: "fulfilled", value: { backend: "cpu", reason: "asked for by name" } });
});

test("a name that is none is refused, and the names are listed", async () => {
  await expect(useBackend("webgl" as never)).rejects.toThrow(
    'useBackend: "webgl" is none of auto, onnx, webgpu, wasm, cpu, tensorflow',
  );
});

test("tensorflow without its packages says what to install", async () => {
  await expect(useBackend("tensorflow")).rejects.toThrow(
    '"tensorflow" does not run here: @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node is not installed; install it to use',
  );
});
