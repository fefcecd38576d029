import { expect, onTestFinished, test, vi } from "vitest";
import { OnnxBackend } from "./backend.ts";

test("fast math says where it changes nothing", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  new OnnxBackend({ fastMath: true }).dispose();
  expect(warn).toHaveBeenCalledTimes(process.arch === "arm64" ? 0 : 1);
});
