import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Clock, waitBy } from "./calls/clock.ts";
import { openModels } from "./open-models.ts";
import type { Models, OpenModelsOptions } from "./options.ts";
import type { SourceContext } from "./sources/source.ts";

/** A fresh folder, removed after the test. */
export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cambium-llm-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Time of a test: passes only when nothing else happens, and then at once. */
export interface TestClock extends Clock {
  /** Moves `now`, and nothing else: what a clock that is set again does. Milliseconds. */
  jump(ms: number): void;
}

/** Rounds of the event loop in which nothing may happen before time passes. */
const IDLE_ROUNDS = 4;

/** A clock for code that waits for nothing but the clock. */
export function testClock(): TestClock {
  let time = 0;
  let offset = 1_700_000_000_000;
  let advancing = false;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  async function advance(): Promise<void> {
    while (timers.size > 0) {
      for (let i = 0; i < IDLE_ROUNDS; i++) await new Promise(setImmediate);
      const next = [...timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      time = Math.max(time, next.at);
      timers.delete(next);
      next.callback();
    }
    advancing = false;
  }

  const after: Clock["after"] = (ms, callback) => {
    const timer = { at: time + Math.max(0, ms), callback };
    timers.add(timer);
    if (!advancing) {
      advancing = true;
      void advance();
    }
    return () => timers.delete(timer);
  };
  return {
    now: () => offset + time,
    elapsed: () => time,
    after,
    wait: waitBy(after),
    jump(ms) {
      offset += ms;
    },
  };
}

/** Ids that count. */
export function countingIds(prefix = "id"): () => string {
  let count = 0;
  return () => `${prefix}-${count++}`;
}

/** Models in memory, on a test's clock, closed after the test. */
export async function testModels(options: Partial<OpenModelsOptions> = {}): Promise<Models> {
  const clock = options.clock ?? testClock();
  const models = await openModels({ store: ":memory:", clock, random: () => 0.5, ...options });
  onTestFinished(() => models.close().catch(() => {}));
  return models;
}

/** What a source gets, for tests of a source alone. */
export function testContext(context: Partial<SourceContext> = {}): SourceContext {
  return { signal: new AbortController().signal, clock: testClock(), createId: countingIds("call"), ...context };
}

/** A conversation of one message. */
export const ask = (content: string): { readonly messages: readonly { role: "user"; content: string }[] } => ({
  messages: [{ role: "user", content }],
});
