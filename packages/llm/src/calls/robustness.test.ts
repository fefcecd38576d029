import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ask, countingIds, freshFolder, testClock, testModels } from "../open-models.fixture.ts";
import { openModels } from "../open-models.ts";
import { scripted } from "../sources/scripted.ts";
import type { Clock } from "./clock.ts";

/** A folder on a small disk, where one may be mounted. */
async function withDisk(
  skip: (note: string) => never,
  use: (path: string, resize: (size: string) => void) => Promise<void>,
): Promise<void> {
  const path = `${freshFolder()}/disk`;
  mkdirSync(path);
  const mount = (flags: string): Buffer =>
    execFileSync("mount", ["-t", "tmpfs", "-o", flags, "tmpfs", path], { stdio: "pipe" });
  try {
    mount("size=600k");
  } catch (error) {
    skip(`no file system can be mounted here: ${String(error).split("\n").at(-1)}`);
  }
  try {
    await use(path, (size) => mount(`remount,size=${size}`));
  } finally {
    execFileSync("umount", ["-l", path]); // lazily: a store that a failed test left open holds it
  }
}

test("a reply that a full disk cannot take is in the error, and saved later without paying again", async ({ skip }) => {
  await withDisk(skip, async (path, resize) => {
    let sent = 0;
    const source = scripted(() => {
      sent += 1;
      return "x".repeat(700_000);
    });
    const llm = await openModels({ store: `${path}/calls.db` });
    const error = await llm
      .model(source)
      .call(ask("?"))
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: "STORE", details: { reason: "full", result: { usd: 0, cached: false } } });
    expect(error.details.result.text).toHaveLength(700_000);
    resize("4m");
    const { text, cached } = await llm.model(source).call(ask("?"));
    expect([text.length, cached, sent]).toEqual([700_000, true, 1]);
    expect((await llm.spent()).calls).toBe(1);
    await llm.close();
    const later = await openModels({ store: `${path}/calls.db` });
    expect((await later.model(scripted([])).call(ask("?"))).cached).toBe(true);
    await later.close();
  });
});

test("on a disk that is full already nothing is sent, and closing names the replies it cannot save", async ({
  skip,
}) => {
  await withDisk(skip, async (path, resize) => {
    let sent = 0;
    const source = scripted(({ sample }) => {
      sent += 1;
      return sample === 0 ? "x".repeat(700_000) : "small";
    });
    const llm = await openModels({ store: `${path}/calls.db` });
    const chat = llm.model(source);
    const large = await chat.outcome({ ...ask("?"), sample: 0 });
    expect(large.ok).toBe(false);
    try {
      writeFileSync(`${path}/filler`, Buffer.alloc(2e6));
    } catch {
      // as much of it as there was room for
    }
    const outcomes = [];
    for (let sample = 1; sample < 40; sample++) outcomes.push(await chat.outcome({ ...ask("?"), sample }));
    const refused = outcomes.filter(({ ok }) => !ok);
    expect(refused.length).toBeGreaterThan(0);
    const last = refused.at(-1)!;
    expect(!last.ok && [last.error.code, last.error.details["reason"]]).toEqual(["STORE", "full"]);
    const unsent = refused.filter((outcome) => !outcome.ok && !("result" in outcome.error.details)).length;
    expect(sent).toBe(40 - unsent);
    await expect(llm.close()).rejects.toMatchObject({ code: "STORE", details: { replies: expect.any(Array) } });
    resize("8m");
  });
});

/** A clock on which no time passes: that of a process that hangs. */
const stopped: Clock = { now: () => 0, elapsed: () => 0, after: () => () => {}, wait: () => new Promise(() => {}) };

test("the request of a process that shows no life is made again after the lease, and counts twice", async () => {
  const store = `${freshFolder()}/calls.db`;
  const dying = await openModels({ store, clock: stopped });
  void dying.model(scripted(() => new Promise(() => {}))).outcome(ask("?"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const clock = testClock();
  const llm = await testModels({ store, clock, leaseMs: 3000 });
  expect((await llm.model(scripted(() => "mine")).call(ask("?"))).text).toBe("mine");
  expect(clock.elapsed()).toBeGreaterThanOrEqual(3000);
  expect(clock.elapsed()).toBeLessThan(3600);
  expect((await llm.spent()).calls).toBe(2);
});

test.for([365, -365])("a clock that jumps by %s days changes nothing for those who wait", async (days) => {
  const store = `${freshFolder()}/calls.db`;
  const clock = testClock();
  let sent = 0;
  const source = scripted(async (_, context) => {
    sent += 1;
    await context.clock.wait(20_000);
    clock.jump(days * 86_700_000);
    await context.clock.wait(20_000);
    return "once";
  });
  const [a, b] = [await testModels({ store, clock, leaseMs: 1000 }), await testModels({ store, clock, leaseMs: 1000 })];
  const results = await Promise.all([a.model(source).call(ask("?")), b.model(source).call(ask("?"))]);
  expect(results.map(({ text }) => text)).toEqual(["once", "once"]);
  expect(sent).toBe(1);
  expect(results[0].durationMs).toBe(40_000);
});

const call = fc.record({
  question: fc.string({ minLength: 1, maxLength: 30 }),
  sample: fc.nat(6),
  maxTokens: fc.integer({ min: 1, max: 200 }),
  /** Part of the output bound that the reply takes. */
  taken: fc.double({ min: 0, max: 1, noNaN: true }),
  failures: fc.array(fc.constantFrom(429, 500, 503, 400), { maxLength: 3 }),
  delayMs: fc.nat(50),
  process: fc.nat(1),
  tellsUsage: fc.boolean(),
});

test("whatever interleaves, no limit is exceeded, and what is not refused is answered", async () => {
  const prices = { script: { input: 1000, output: 3000 } };
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { minLength: 1, maxLength: 12 }),
      fc.record({ calls: fc.nat(14), tokens: fc.nat(2500), usd: fc.double({ min: 0, max: 3, noNaN: true }) }),
      async (calls, budget) => {
        const [clock, store] = [testClock(), `${freshFolder()}/calls.db`];
        // What the provider could charge: everything it worked on, failures to the bound.
        const charged = { calls: 0, tokens: 0, usd: 0 };
        const charge = (input: number, output: number): void => {
          charged.calls += 1;
          charged.tokens += input + output;
          charged.usd += (input * 1000 + output * 3000) / 1e6;
        };
        const options = {
          store,
          clock,
          budget,
          prices,
          retries: 2,
          createId: countingIds(),
          limits: { concurrency: 3 },
        };
        const processes = [await testModels(options), await testModels(options)];
        const outcomes = await Promise.all(
          calls.map(({ question, sample, maxTokens, taken, failures, delayMs, process, tellsUsage }) => {
            const left = [...failures];
            const source = scripted((request) => {
              const bound = request.maxTokens!;
              const input = question.length;
              const status = left.shift();
              if (status !== undefined) {
                if (status === 500) charge(input, bound);
                return { delayMs, error: { status } };
              }
              const output = Math.floor(taken * bound);
              charge(input, output);
              const usage = { inputTokens: input, outputTokens: output };
              return { delayMs, text: "ok", ...(tellsUsage ? { usage } : {}) };
            });
            const reply = tellsUsage
              ? source.generate
              : async (...given: Parameters<typeof source.generate>) => {
                  const { usage: _, ...silent } = await source.generate(...given);
                  return silent;
                };
            const paid = { ...source, free: false, generate: reply };
            return processes[process]!.model(paid).outcome({ ...ask(question), sample, maxTokens });
          }),
        );
        const spent = await processes[0]!.spent();
        for (const limit of ["calls", "tokens", "usd"] as const) {
          expect(spent[limit]).toBeLessThanOrEqual(budget[limit]);
          // A billionth of a dollar a call is rounded up, never down.
          expect(charged[limit]).toBeLessThanOrEqual(spent[limit] + 1e-12);
        }
        const codes = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error.code]));
        const expected = new Set(["BUDGET_EXCEEDED", "RATE_LIMITED", "UNAVAILABLE", "MODEL_ERROR"]);
        expect(codes.filter((code) => !expected.has(code))).toEqual([]);
        for (const models of processes) await models.close();
      },
    ),
    { seed: 3, numRuns: 40 },
  );
});

const trap = (): never => {
  throw trap;
};

test.each<[what: string, thrown: unknown]>([
  ["nothing", undefined],
  ["a message of null", Object.assign(new Error("x"), { message: null })],
  ["an object without a prototype", Object.create(null)],
  ["a message that throws", Object.defineProperty({}, "message", { get: trap })],
  ["a proxy", new Proxy(() => {}, { get: trap, getPrototypeOf: trap, has: trap, ownKeys: trap })],
])("a source that throws %s has failed, and its call can be made again", async (_, thrown) => {
  let isBroken = true;
  const source = {
    ...scripted(() => "ok"),
    async generate(...args: Parameters<ReturnType<typeof scripted>["generate"]>) {
      if (isBroken) throw thrown;
      return scripted(() => "ok").generate(...args);
    },
  };
  const llm = await testModels({ retries: 0 });
  expect(await llm.model(source).outcome(ask("?"))).toMatchObject({ ok: false, error: { code: "UNAVAILABLE" } });
  isBroken = false;
  expect(await llm.model(source).call(ask("?"))).toMatchObject({ text: "ok" });
});
