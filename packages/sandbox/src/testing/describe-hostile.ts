import { expect, test } from "vitest";
import type { SandboxAdapterOptions } from "../adapter.ts";
import type { Sandbox } from "../sandbox.ts";
import { attackMany } from "./attack.ts";

/** Runs hostile programs of the seeds 0 … `count` − 1: none may achieve anything or break the sandbox. */
export function describeHostile(
  create: (options?: SandboxAdapterOptions) => Sandbox,
  { count, wallMs }: { readonly count: number; readonly wallMs: number },
): void {
  test(`none of ${count} hostile programs escapes`, { timeout: 600_000 }, async () => {
    const sandbox = create({ concurrency: 2, limits: { memoryBytes: 32 * 2 ** 20 } });
    const { escapes, crashes } = await attackMany(sandbox, { first: 0, count, wallMs, concurrency: 2 });
    await sandbox.close();
    expect(escapes).toEqual([]);
    expect(crashes).toEqual([]);
  });
}
