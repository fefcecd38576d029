import { expect, onTestFinished, test, vi } from "vitest";
import { constant, hostValue, type Value } from "./graph.ts";
import { loadNativeRuntime } from "./native.ts";
import { type Program, traceProgram } from "./program.ts";
import { SessionCache } from "./session-cache.ts";
import { operation } from "./tracer.ts";

const limits = { maxSessions: 3, maxBytes: 2 ** 30, maxThreads: 512 };
const cache = (given = limits, threads = 1): SessionCache =>
  new SessionCache(loadNativeRuntime(), given, { threads, spinning: false, fastMath: false });

/** `exp(x) · factor` for x of some size. */
function program(size: number, factor = 2): Program {
  const x: Value = hostValue(new Float32Array(size), [size], "float32");
  const exponential = operation("Exp", [x], [size], "float32");
  return traceProgram([operation("Mul", [exponential, constant(factor)], [size], "float32")]);
}

test("a program of equal structure is compiled once", () => {
  const sessions = cache();
  expect(sessions.get(program(4)).session).toBe(sessions.get(program(4)).session);
  expect([sessions.compileCount, sessions.hits]).toEqual([1, 1]);
  sessions.clear();
});

test("a scalar that varies is fed from then on, and says so", () => {
  const sessions = cache();
  for (const factor of [2, 3, 4, 5]) sessions.get(program(4, factor));
  expect(sessions.compileCount).toBe(2);
  expect(sessions.compiles[1]!.reason).toBe("what varies is fed from now on: 2 became 3 in Mul");
  sessions.clear();
});

test("sessions are bounded in number, the least recently used goes first", () => {
  const sessions = cache();
  for (const size of [1, 2, 3, 1, 4]) sessions.get(program(size));
  expect([sessions.sessionCount, sessions.evictions]).toEqual([3, 1]);
  sessions.get(program(1));
  expect(sessions.compileCount).toBe(4); // 2 went, 1 stayed
  sessions.clear();
});

test("sessions are bounded in bytes", () => {
  const sessions = cache({ ...limits, maxSessions: 100, maxBytes: 100_000 });
  for (const size of [10_000, 10_001, 10_002]) sessions.get(program(size));
  expect(sessions.sessionCount).toBe(1);
  expect(sessions.sizeBytes).toBeLessThan(100_000);
  sessions.clear();
  expect(sessions.sizeBytes).toBe(0);
});

test("sessions beyond 64 MiB of arenas hold none, and the first always has one", () => {
  const sessions = cache({ ...limits, maxSessions: 100, maxBytes: 2 ** 40 });
  const MEBI = 2 ** 18; // elements of a MiB
  sessions.get(program(300 * MEBI));
  const first = sessions.sizeBytes;
  expect(first).toBeGreaterThan(300 * 2 ** 20);
  sessions.get(program(300 * MEBI + 1));
  expect(sessions.sizeBytes - first).toBeLessThan(10_000); // the graph itself
  sessions.clear();
});

test("pools of threads are bounded, and sessions without a pool stay", () => {
  const LARGE = 1_000_000; // worth a pool
  const sessions = cache({ ...limits, maxSessions: 100, maxThreads: 8 }, 4);
  sessions.get(program(4));
  expect(sessions.threadCount).toBe(0);
  for (let i = 0; i < 6; i++) {
    sessions.get(program(LARGE + i));
    expect(sessions.threadCount).toBe(Math.min(3 * (i + 1), 6));
  }
  expect([sessions.sessionCount, sessions.evictions]).toEqual([3, 4]);
  sessions.get(program(4));
  expect(sessions.compileCount).toBe(7);
  sessions.get(program(LARGE + 5, 3)); // compiled again, since its scalar varies
  expect(sessions.threadCount).toBe(6);
  sessions.clear();
  expect(sessions.threadCount).toBe(0);
});

test("one session is kept, however many threads it has", () => {
  const sessions = cache({ ...limits, maxThreads: 2 }, 4);
  for (const size of [1_000_000, 1_000_001]) sessions.get(program(size));
  expect([sessions.sessionCount, sessions.threadCount]).toEqual([1, 3]);
  sessions.clear();
});

test("a compile says how its program differs from the likest before", () => {
  const sessions = cache();
  sessions.get(program(4));
  sessions.get(program(5));
  sessions.get(traceProgram([operation("Neg", [hostValue(new Float32Array(5), [5], "float32")], [5], "float32")]));
  expect(sessions.compiles.map(({ reason }) => reason)).toEqual([
    "the first program",
    "like a program before, but input float32 [4] became input float32 [5]",
    "1 operations, the likest program before had 2",
  ]);
  sessions.clear();
});

test("many compiles of large programs are worth one warning, which says what differs", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  const sessions = cache();
  const long = (size: number): Program => {
    let x: Value = hostValue(new Float32Array(size), [size], "float32");
    for (let i = 0; i < 100; i++) x = operation("Exp", [x], [size], "float32");
    return traceProgram([x]);
  };
  for (let size = 1; size <= 39; size++) sessions.get(long(size));
  expect(warn).not.toHaveBeenCalled();
  for (let size = 40; size <= 50; size++) sessions.get(long(size));
  expect(warn).toHaveBeenCalledOnce();
  expect(warn.mock.calls[0]![0]).toMatch(/40 large graphs .* input float32 \[39\] became input float32 \[40\]/);
  sessions.clear();
});
