/** AdaLoRA through the training loop: killed and resumed, and replayed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backendReport } from "@cambium/backend-onnx";
import { result } from "@cambium/base";
import { disposeParameters, type Objective, type Parameters, random, useBackend } from "@cambium/core";
import type { TokenBatch } from "@cambium/models";
import { train } from "@cambium/train";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adaLoraRun, STEPS } from "./ada-lora-run.ts";
import { bundle, endOf, live, stepsOf } from "./lives.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-ada-lora-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a run killed again and again, before, while and after ranks fall, ends with the bits of one that was not", async () => {
  const program = await bundle("train-ada-lora", folder);
  const inPeace = await live(program, join(folder, "in-peace"));
  expect(stepsOf(inPeace)).toHaveLength(STEPS);
  const killed = join(folder, "killed");
  let reached = 0;
  for (let i = 0; reached < STEPS - 4; i++) {
    const [steps, ms] = random(6).at(i).uniforms(2);
    const life = await live(program, killed, { steps: Math.floor(5 * steps!), ms: 20 * ms! });
    const [first, ...later] = stepsOf(life);
    expect([reached, reached + 1]).toContain(first);
    reached = later.at(-1) ?? first!;
    if (life.signal === null) break;
  }
  const last = await live(program, killed);
  expect(last.signal).toBeNull();
  expect(endOf(last)).toEqual(endOf(inPeace));
  const names = readdirSync(killed).sort();
  expect(names).toEqual(readdirSync(join(folder, "in-peace")).sort());
  for (const name of names) {
    expect(readFileSync(join(killed, name)).equals(readFileSync(join(folder, "in-peace", name))), name).toBe(true);
  }
});

beforeAll(() => useBackend("onnx"));
afterAll(() => useBackend("cpu"));

function takeBytes(tree: Parameters): Map<string, Buffer> {
  const bytes = [...tree].map(
    ([name, tensor]) => [name, Buffer.from((tensor.dataSync() as Float32Array).slice().buffer)] as const,
  );
  disposeParameters(tree);
  return new Map(bytes);
}

/** The end of a run whose losses are counted, or kept from being replayed. */
async function runOnce(onLoss: (seed: () => number) => void): Promise<Map<string, Buffer>> {
  const { objective, data, options } = adaLoraRun();
  const watched: Objective<TokenBatch> = {
    ...objective,
    loss(at, batch, context) {
      onLoss(() => context.random.seed);
      return objective.loss(at, batch, context);
    },
  };
  const end = await result(train(watched, data, { ...options, random: random(4) }));
  for (const tree of [objective.parameters, objective.state!, objective.base.parameters]) disposeParameters(tree);
  return new Map([...takeBytes(end.parameters), ...takeBytes(end.state!)]);
}

test("after three traces no loss is run again, nothing is compiled again, and the bits are those of steps run in full", async () => {
  let losses = 0;
  const replayed = await runOnce(() => {
    losses++;
  });
  expect(losses).toBe(3);
  const { compileCount } = backendReport();
  await runOnce(() => undefined);
  expect(backendReport().compileCount).toBe(compileCount);
  const inFull = await runOnce((seed) => expect(seed()).toBe(4)); // read on the host, so that nothing is replayed
  expect(replayed).toEqual(inFull);

  const kept = [...replayed].filter(([name]) => name.endsWith(".kept"));
  const left = kept.flatMap(([, bytes]) => [...new Float32Array(new Uint8Array(bytes).buffer)]);
  expect([left.length, left.filter((flag) => flag === 1).length]).toEqual([4 * 4, 4 * 2]);
});
