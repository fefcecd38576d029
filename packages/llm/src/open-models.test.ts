import { expect, test } from "vitest";
import type { StreamEvent } from "./chat-model.ts";
import type { ModelRequest } from "./messages/request.ts";
import { ask, freshFolder, testClock, testModels } from "./open-models.fixture.ts";
import { openModels } from "./open-models.ts";
import { scripted } from "./sources/scripted.ts";

test("a request that was answered is never asked again, by this process or the next", async () => {
  const store = `${freshFolder()}/runs/calls.db`;
  const first = scripted([{ reply: "four" }]);
  const before = await testModels({ store });
  const paid = await before.model(first).call(ask("two and two?"));
  const again = await before.model(first).call(ask("two and two?"));
  await before.close();
  const after = await testModels({ store });
  const later = await after.model(scripted([])).call(ask("two and two?"));
  expect([paid.cached, again.cached, later.cached]).toEqual([false, true, true]);
  expect([paid.attempts, again.attempts, later.attempts]).toEqual([1, 0, 0]);
  expect([paid.text, again.text, later.text]).toEqual(["four", "four", "four"]);
  expect([again.reply, later.reply]).toEqual([paid.reply, paid.reply]);
  expect((await after.spent()).calls).toBe(1);
  first.finish();
});

test("samples of one request get their own replies, and keep them", async () => {
  const llm = await testModels();
  const chat = llm.model(scripted([{ reply: "a" }, { reply: "b" }]));
  const texts = [];
  for (const sample of [0, 1, 0, 1]) texts.push((await chat.call({ ...ask("?"), sample })).text);
  expect(texts).toEqual(["a", "b", "a", "b"]);
  expect((await chat.call(ask("?"))).text).toBe("a"); // no sample is sample 0
});

test("the same request made twice at once is sent once", async () => {
  let sent = 0;
  const llm = await testModels();
  const chat = llm.model(
    scripted(() => {
      sent += 1;
      return { text: "one", delayMs: 1000 };
    }),
  );
  const results = await Promise.all([chat.call(ask("?")), chat.call(ask("?")), chat.call(ask("?"))]);
  expect(sent).toBe(1);
  expect(results.filter(({ cached }) => cached)).toHaveLength(2);
});

test("the same request of two processes is sent by one of them, and the other gets its reply", async () => {
  const store = `${freshFolder()}/calls.db`;
  let sent = 0;
  const source = scripted(() => {
    sent += 1;
    return { text: `reply ${sent}`, delayMs: 5000 };
  });
  const clock = testClock();
  const [a, b] = [await testModels({ store, clock }), await testModels({ store, clock })];
  const [first, second] = await Promise.all([a.model(source).call(ask("?")), b.model(source).call(ask("?"))]);
  expect(sent).toBe(1);
  expect([first.text, second.text]).toEqual(["reply 1", "reply 1"]);
  expect([first.cached, second.cached].sort()).toEqual([false, true]);
  expect((await a.spent()).calls).toBe(1);
});

test("a failure that passes is tried again, after the time the provider asks for", async () => {
  const clock = testClock();
  const llm = await testModels({ clock });
  const script = scripted([
    { reply: { error: { status: 429, retryAfterMs: 7000 } } },
    { reply: { error: { status: 503 } } },
    { reply: "at last" },
  ]);
  const { text, attempts } = await llm.model(script).call(ask("?"));
  expect([text, attempts]).toEqual(["at last", 3]);
  // 7 s and half of the 10 % spread, then half of the second backoff of 1 s.
  expect(clock.elapsed()).toBeCloseTo(7000 * 1.05 + 500, 6);
  expect(await llm.spent()).toMatchObject({ calls: 1 });
});

test("a wait longer than allowed is the caller's to take", async () => {
  const llm = await testModels({ longestWaitMs: 60_000 });
  const chat = llm.model(scripted([{ reply: { error: { status: 429, retryAfterMs: 3_600_000 } } }]));
  await expect(chat.call(ask("?"))).rejects.toMatchObject({ code: "RATE_LIMITED", details: { waitMs: 3_600_000 } });
  expect(await llm.spent()).toEqual({ calls: 0, tokens: 0, usd: 0 });
});

test.for([
  { status: 400, code: "MODEL_ERROR" },
  { status: 401, code: "UNAUTHORIZED" },
  { status: 403, code: "FORBIDDEN" },
  { status: 404, code: "MODEL_ERROR" },
])("status $status is $code at once, and costs nothing", async ({ status, code }) => {
  const llm = await testModels();
  const chat = llm.model(scripted([{ reply: { error: { status } } }]));
  const outcome = await chat.outcome(ask("?"));
  expect(outcome).toMatchObject({ ok: false, error: { code } });
  expect(await llm.spent()).toEqual({ calls: 0, tokens: 0, usd: 0 });
});

test("a status that may come after the work counts as spent to the bound, each time", async () => {
  const llm = await testModels({ retries: 2 });
  const chat = llm.model(scripted([{ reply: { error: { status: 500 } }, times: 3 }]));
  await expect(chat.call({ ...ask("?"), maxTokens: 100 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const { calls, tokens } = await llm.spent();
  expect(calls).toBe(3);
  expect(tokens).toBeGreaterThanOrEqual(300);
});

test("a budget in calls ends the call before it is sent", async () => {
  let sent = 0;
  const llm = await testModels({ budget: { calls: 2 } });
  const chat = llm.model(
    scripted(() => {
      sent += 1;
      return "ok";
    }),
  );
  const outcomes = await Promise.all([0, 1, 2].map((sample) => chat.outcome({ ...ask("?"), sample })));
  expect(outcomes.filter(({ ok }) => ok)).toHaveLength(2);
  expect(outcomes.find(({ ok }) => !ok)).toMatchObject({
    error: { code: "BUDGET_EXCEEDED", details: { limit: "calls", allowed: 2, spent: 2, needed: 1 } },
  });
  expect(sent).toBe(2);
  expect((await chat.call({ ...ask("?"), sample: 0 })).cached).toBe(true); // what is stored is free
});

test("a budget in dollars needs prices, and enters what a reply really took", async () => {
  const usage = { inputTokens: 100, outputTokens: 10, cacheReadTokens: 40 };
  const source = { ...scripted([{ reply: { text: "ok", usage } }]), free: false };
  const unpriced = await testModels({ budget: { usd: 1 } });
  await expect(unpriced.model(source).call(ask("?"))).rejects.toMatchObject({ code: "CONFIG" });
  const prices = { script: { input: 2, output: 8, cacheRead: 0.5 } };
  const llm = await testModels({ budget: { usd: 1 }, prices });
  const { usd } = await llm.model(source).call(ask("?"));
  expect(usd).toBeCloseTo((60 * 2 + 40 * 0.5 + 10 * 8) / 1e6, 9);
  expect(await llm.spent()).toEqual({ calls: 1, tokens: 110, usd });
});

test("a budget too small for the upper bound refuses a call that may have cost less", async () => {
  const llm = await testModels({ budget: { tokens: 1000 } });
  const chat = llm.model(scripted(() => "ok"));
  await expect(chat.call({ ...ask("?"), maxTokens: 1000 })).rejects.toMatchObject({
    code: "BUDGET_EXCEEDED",
    details: { limit: "tokens" },
  });
  expect((await chat.call({ ...ask("?"), maxTokens: 500 })).text).toBe("ok");
});

test("budgets of one name are one, those of two names are two", async () => {
  const store = `${freshFolder()}/calls.db`;
  const open = (name: string) => testModels({ store, budget: { calls: 1, name } });
  const [a, sameAsA, b] = [await open("a"), await open("a"), await open("b")];
  const source = scripted(() => "ok");
  await a.model(source).call({ ...ask("?"), sample: 1 });
  await expect(sameAsA.model(source).call({ ...ask("?"), sample: 2 })).rejects.toMatchObject({
    code: "BUDGET_EXCEEDED",
  });
  await b.model(source).call({ ...ask("?"), sample: 3 });
});

test("a stream shows the pieces and ends with the result; a stored one comes in whole parts", async () => {
  const llm = await testModels();
  const reply = { reasoning: "so", text: "one two", toolCalls: [{ name: "add", arguments: { a: 1 } }] };
  const chat = llm.model(scripted([{ reply }]));
  const read = async (): Promise<StreamEvent[]> => {
    const events = [];
    for await (const event of chat.stream(ask("?"))) events.push(event);
    return events;
  };
  const [live, stored] = [await read(), await read()];
  expect(live.map(({ type }) => type)).toEqual(["reasoning", "text", "text", "tool-call", "end"]);
  expect(stored.map(({ type }) => type)).toEqual(["reasoning", "text", "tool-call", "end"]);
  expect(live.flatMap((event) => (event.type === "text" ? [event.text] : []))).toEqual(["one", " two"]);
  expect(live.at(-1)).toMatchObject({ result: { text: "one two", reasoning: "so", cached: false } });
  expect(stored.at(-1)).toMatchObject({ result: { text: "one two", cached: true } });
});

test("a stream says when it starts again", async () => {
  const llm = await testModels();
  const chat = llm.model(scripted([{ reply: { error: { status: 503 } } }, { reply: "ok" }]));
  const types = [];
  for await (const event of chat.stream(ask("?"))) types.push(event.type);
  expect(types).toEqual(["retry", "text", "end"]);
});

test("an aborted signal ends a call that waits for its reply, and the reservation stays", async () => {
  const stop = new AbortController();
  const llm = await testModels();
  const chat = llm.model(
    scripted(() => {
      queueMicrotask(() => stop.abort(new Error("enough")));
      return { text: "late", delayMs: 1000 };
    }),
  );
  const error = await chat.call({ ...ask("?"), signal: stop.signal }).catch((reason) => reason);
  expect(error).toMatchObject({ code: "CANCELLED", cause: { message: "enough" } });
  expect((await llm.spent()).calls).toBe(1);
});

test("a call that was aborted leaves the key free for the next one", async () => {
  const stop = new AbortController();
  const llm = await testModels();
  const chat = llm.model(scripted([{ reply: { text: "late", delayMs: 1e6 } }, { reply: "soon" }]));
  const first = chat.outcome({ ...ask("?"), signal: stop.signal });
  const second = chat.call(ask("?"));
  await new Promise(setImmediate);
  stop.abort();
  expect(await first).toMatchObject({ ok: false, error: { code: "CANCELLED" } });
  expect((await second).text).toBe("soon");
});

test("leaving a stream early cancels its call", async () => {
  const llm = await testModels();
  const slow = scripted(async (_, { onPiece, clock, signal }) => {
    onPiece?.({ type: "text", text: "first" });
    await clock.wait(1e6, signal);
    return "never";
  });
  for await (const event of llm.model(slow).stream(ask("?"))) {
    expect(event).toEqual({ type: "text", text: "first" });
    break;
  }
  expect((await llm.spent()).calls).toBe(1);
});

test("a source that does not answer in time is unavailable, even if it ignores its signal", async () => {
  const llm = await testModels({ timeoutMs: 5000, retries: 0 });
  const chat = llm.model(scripted(() => new Promise(() => {})));
  await expect(chat.call(ask("?"))).rejects.toMatchObject({ code: "UNAVAILABLE", details: { reason: "timeout" } });
});

test("no more requests run at once than the provider's limit allows", async () => {
  let [running, most] = [0, 0];
  const llm = await testModels({ limits: () => ({ concurrency: 3 }) });
  const chat = llm.model(
    scripted(async (_, { clock }) => {
      running += 1;
      most = Math.max(most, running);
      await clock.wait(100);
      running -= 1;
      return "ok";
    }),
  );
  await Promise.all(Array.from({ length: 12 }, (_, sample) => chat.call({ ...ask("?"), sample })));
  expect(most).toBe(3);
});

test("closed models refuse calls, and closing waits for those under way", async () => {
  const llm = await testModels();
  const chat = llm.model(scripted([{ reply: { text: "done", delayMs: 100 } }]));
  const call = chat.call(ask("?"));
  await llm.close();
  expect((await call).text).toBe("done");
  await expect(chat.call(ask("?"))).rejects.toMatchObject({ code: "STATE" });
});

test("wrong options are named, with the key that was meant", async () => {
  await expect(openModels({ store: ":memory:", budgets: {} } as never)).rejects.toMatchObject({
    code: "CONFIG",
    message: 'openModels: unknown key "budgets"; is "budget" meant?',
  });
  const llm = await testModels();
  const wrong = { ...ask("?"), temprature: 1 } as ModelRequest;
  await expect(llm.model(scripted([])).call(wrong)).rejects.toMatchObject({
    message: 'call: unknown key "temprature"; is "temperature" meant?',
  });
});
