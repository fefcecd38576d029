import { expect, test } from "vitest";
import type { SandboxAdapterOptions } from "../adapter.ts";
import type { Sandbox } from "../sandbox.ts";
import { attack } from "./attack.fixture.ts";
import { watchHost } from "./escape-oracle.fixture.ts";

/** Runs hostile programs of the seeds 0 … `count` − 1: none may achieve anything or break the sandbox. */
export function describeHostile(
  create: (options?: SandboxAdapterOptions) => Sandbox,
  count: number,
  wallMs: number,
): void {
  test(`none of ${count} hostile programs escapes`, { timeout: 600_000 }, async () => {
    const oracle = watchHost();
    const sandbox = create({ concurrency: 2, limits: { wallMs, memoryBytes: 32 * 2 ** 20 } });
    const ends = new Map<string, number>();
    const escapes: string[] = [];
    let next = 0;
    const attackOn = async (): Promise<void> => {
      for (let seed = next++; seed < count; seed = next++) {
        const { code, escaped } = await attack(sandbox, oracle, seed);
        ends.set(code, (ends.get(code) ?? 0) + 1);
        if (escaped !== undefined) escapes.push(`seed ${seed}: ${escaped}`);
      }
    };
    await Promise.all([attackOn(), attackOn()]);
    await sandbox.close();
    oracle.remove();
    expect(escapes).toEqual([]);
    expect(ends.get("sandbox_crash") ?? 0).toBe(0);
  });
}
