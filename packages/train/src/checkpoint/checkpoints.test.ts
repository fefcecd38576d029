import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  disposeParameters,
  FileError,
  type Files,
  folder,
  loadSafetensors,
  memory,
  type Objective,
  random,
} from "@cambium/core";
import { describe, expect, onTestFinished, test } from "vitest";
import type { EndEvent, TrainEvent } from "../events.ts";
import { adafactor } from "../optimisers/adafactor.ts";
import { adamW } from "../optimisers/adam.ts";
import { sgd } from "../optimisers/sgd.ts";
import { linear } from "../schedules.ts";
import { bits, type ToyBatch, toyData, toyObjective } from "../toy.fixture.ts";
import { train } from "../train.ts";
import type { TrainOptions } from "../train-options.ts";

function makeToy(options?: Parameters<typeof toyObjective>[0]): Objective<ToyBatch> {
  const objective = toyObjective(options);
  onTestFinished(() => disposeParameters(objective.parameters));
  return objective;
}

/** Everything that can go wrong in a resumption: dropout, shuffled and ragged data, accumulation, clipping. */
const options: TrainOptions = {
  optimiser: adamW({ learningRate: linear(0.05, { warmUp: 3, steps: 40 }) }),
  steps: 20,
  accumulate: 2,
  clipNorm: 0.5,
  random: random(6),
};

const data = (rows = 23) => toyData(rows, { size: 4, random: random(2), buckets: ({ x }) => x[0] });

interface Run {
  readonly events: readonly TrainEvent[];
  readonly end: EndEvent;
  readonly parameters: Record<string, number[]>;
}

async function runToy(
  more: Partial<TrainOptions>,
  objective: Objective<ToyBatch> = makeToy({ rate: 0.3 }),
  rows?: number,
): Promise<Run> {
  const events: TrainEvent[] = [];
  for await (const event of train(objective, data(rows), { ...options, ...more })) events.push(event);
  const end = events.at(-1) as EndEvent;
  const parameters = bits(end.parameters);
  disposeParameters(end.parameters);
  return { events, end, parameters };
}

/** Every file of a folder, as text. */
async function contents(files: Files): Promise<Record<string, string>> {
  const names = (await files.list()).map(({ name }) => name);
  const texts = await Promise.all(names.map(async (name) => Buffer.from(await files.read(name)).toString("latin1")));
  return Object.fromEntries(names.map((name, i) => [name, texts[i]!]));
}

const namesIn = async (files: Files): Promise<string[]> => (await files.list()).map(({ name }) => name);

describe("resumption is bit for bit", () => {
  test.each([
    ["AdamW", options.optimiser],
    ["SGD with momentum", sgd({ learningRate: 0.05, momentum: 0.9 })],
    ["SGD without any state", sgd({ learningRate: 0.05 })],
    ["Adafactor", adafactor()],
  ])("20 steps are 7 steps and 13 more: %s", async (_, optimiser) => {
    const straight = memory();
    const resumed = memory();
    const whole = await runToy({ optimiser, checkpoint: straight });
    await runToy({ optimiser, checkpoint: resumed, steps: 7 });
    const rest = await runToy({ optimiser, checkpoint: resumed });
    expect(rest.events.filter(({ type }) => type === "step").map(({ step }) => step)).toEqual(
      Array.from({ length: 13 }, (_, i) => i + 8),
    );
    expect(rest.parameters).toEqual(whole.parameters);
    // Parameters, optimiser state and position alike; `kept` is the only difference there could be, and there is none.
    expect(await contents(resumed)).toEqual(await contents(straight));
  });

  test("a run stopped by its signal goes on to the same end", async () => {
    const files = memory();
    const controller = new AbortController();
    const toy = makeToy({ rate: 0.3 });
    for await (const event of train(toy, data(), { ...options, checkpoint: files, signal: controller.signal })) {
      if (event.type === "step" && event.step === 5) controller.abort();
      if (event.type === "checkpoint") expect(event.path).toBe("memory/checkpoint.json");
      if (event.type === "end") {
        expect(event.reason).toBe("stopped");
        disposeParameters(event.parameters);
      }
    }
    const rest = await runToy({ checkpoint: files }, toy);
    expect(rest.events[0]).toMatchObject({ type: "step", step: 6 });
    expect(rest.parameters).toEqual((await runToy({}, toy)).parameters);
  });

  test("the best evaluation and the patience survive", async () => {
    const scores = [1, 5, 2, 3, 4, 4, 4];
    const evaluation = () => {
      const seen: number[] = [];
      return {
        seen,
        every: 2,
        patience: 4,
        best: { metric: "score", direction: "highest" } as const,
        run: (parameters: ReadonlyMap<string, unknown>) => {
          seen.push(parameters.size);
          return { score: scores[seen.length - 1]! };
        },
      };
    };
    const evaluate = evaluation();
    const { seen, ...untouched } = evaluate;
    const whole = await runToy({ evaluate: untouched });
    expect(whole.end).toMatchObject({ reason: "early-stopped", step: 12, best: { step: 4, value: 5 } });
    expect(seen).toHaveLength(6);

    const files = memory();
    const again = evaluation();
    const { seen: _, ...sameAgain } = again;
    const checkpoint = { files, every: 1 };
    const controller = new AbortController();
    const objective = makeToy({ rate: 0.3 });
    for await (const event of train(objective, data(), {
      ...options,
      evaluate: sameAgain,
      checkpoint,
      signal: controller.signal,
    })) {
      if (event.step === 7) controller.abort();
      if (event.type === "end") disposeParameters(event.parameters);
    }
    expect(await namesIn(files)).toContain("best-4.safetensors");
    const rest = await runToy({ evaluate: sameAgain, checkpoint }, objective);
    expect(rest.end).toMatchObject({ reason: "early-stopped", step: 12, best: { step: 4, value: 5 } });
    expect(rest.parameters).toEqual(whole.parameters);
    // An early-stopped run that is started again ends again, without a step.
    expect((await runToy({ evaluate: sameAgain, checkpoint }, objective)).events.map(({ type }) => type)).toEqual([
      "end",
    ]);
  });

  test("a finished run only ends again, and goes on when it is given more steps", async () => {
    const files = memory();
    const first = await runToy({ checkpoint: files, steps: 10 });
    const second = await runToy({ checkpoint: files, steps: 10 });
    expect(second.events.map(({ type }) => type)).toEqual(["end"]);
    expect(second.parameters).toEqual(first.parameters);
    expect((await runToy({ checkpoint: files })).parameters).toEqual((await runToy({})).parameters);
  });
});

describe("crashes", () => {
  const checkpoint = (files: Files) => ({ files, every: 2 });
  const short = { steps: 4, accumulate: 1 };

  /** A folder whose operations fail from the given one on, as if the process had been killed there. */
  function failing(files: Files, at: number): Files {
    let count = 0;
    const guard = (): void => {
      if (count++ >= at) throw new FileError({ message: "killed" });
    };
    return {
      ...files,
      async write(name, content) {
        guard();
        await files.write(name, content);
      },
      async remove(name) {
        guard();
        await files.remove(name);
      },
    };
  }

  test("a crash before any write or removal loses nothing, and its leftovers go", async () => {
    const whole = memory();
    const { parameters } = await runToy({ ...short, checkpoint: checkpoint(whole) });
    const expected = await contents(whole);
    let crashes = 0;
    for (;;) {
      const files = memory();
      const crashed = await runToy({ ...short, checkpoint: checkpoint(failing(files, crashes)) }).catch(
        () => undefined,
      );
      if (crashed !== undefined) break;
      crashes++;
      expect((await runToy({ ...short, checkpoint: checkpoint(files) })).parameters).toEqual(parameters);
      expect(await contents(files)).toEqual(expected);
    }
    // 2 at the start; 4 writes and a removal for the first checkpoint, with 2 more removals for the second.
    expect(crashes).toBe(14);
  });

  test("hidden remains of a write that was cut off go at the next start, whatever its step was", async () => {
    const files = memory();
    const hidden = new Set<string>();
    let isDying = true;
    // As on disk: a write that is cut off leaves a hidden file, and the next write of the same name clears it away.
    const disk: Files = {
      ...files,
      async write(name, content) {
        hidden.add(name);
        if (isDying && name === "optimiser-3.safetensors") throw new FileError({ message: "killed" });
        await files.write(name, content);
        hidden.delete(name);
      },
    };
    const toy = makeToy({ rate: 0.3 });
    await expect(runToy({ ...short, steps: 3, checkpoint: checkpoint(disk) }, toy)).rejects.toThrow("killed");
    expect([...hidden]).toEqual(["optimiser-3.safetensors"]);
    isDying = false;
    for await (const event of train(toy, data(), { ...options, ...short, checkpoint: checkpoint(disk) })) {
      expect(event).toMatchObject({ type: "step", step: 3 });
      break;
    }
    expect([...hidden]).toEqual([]);
    expect(await namesIn(files)).toEqual(["checkpoint.json", "optimiser-2.safetensors", "parameters-2.safetensors"]);
  });

  test("a full disk is told as it is, and the former checkpoint can be gone on from", async () => {
    const files = memory();
    const full: Files = {
      ...files,
      async write(name, content) {
        if (name.includes("-4.")) throw new FileError({ message: "folder: the disk is full", reason: "full" });
        await files.write(name, content);
      },
    };
    await expect(runToy({ ...short, checkpoint: checkpoint(full) })).rejects.toMatchObject({
      code: "FILE",
      details: { reason: "full" },
    });
    const rest = await runToy({ ...short, checkpoint: checkpoint(files) });
    expect(rest.events[0]).toMatchObject({ type: "step", step: 3 });
    expect(rest.parameters).toEqual((await runToy(short)).parameters);
  });

  test("files of others in the folder are left alone", async () => {
    const files = memory({ "notes.txt": "mine", "parameters-99.safetensors": "left over" });
    await runToy({ ...short, checkpoint: files });
    expect(await namesIn(files)).toEqual([
      "checkpoint.json",
      "notes.txt",
      "optimiser-4.safetensors",
      "parameters-4.safetensors",
    ]);
  });

  test("a folder that cannot be written to is an error before the first step", async () => {
    const path = await mkdtemp(join(tmpdir(), "train-"));
    onTestFinished(() => rm(path, { recursive: true }));
    await writeFile(join(path, "file"), "not a folder");
    const toy = makeToy();
    const objective: Objective<ToyBatch> = {
      ...toy,
      loss: () => {
        throw new Error("a step was taken");
      },
    };
    await expect(runToy({ checkpoint: join(path, "file", "run") }, objective)).rejects.toMatchObject({ code: "FILE" });
  });

  test("a folder on disk works by its path", async () => {
    const path = await mkdtemp(join(tmpdir(), "train-"));
    onTestFinished(() => rm(path, { recursive: true }));
    await runToy({ ...short, steps: 3, checkpoint: path });
    const { parameters } = await runToy({ ...short, checkpoint: path });
    const loaded = await loadSafetensors(folder(path), "parameters-4.safetensors");
    expect(bits(loaded)).toEqual(expect.objectContaining(parameters));
    disposeParameters(loaded);
  });
});

describe("keeping", () => {
  test("the parameters of the last checkpoints stay, the optimiser of the last one", async () => {
    const files = memory();
    await runToy({ steps: 8, checkpoint: { files, every: 2, keep: 3 } });
    expect(await namesIn(files)).toEqual([
      "checkpoint.json",
      "optimiser-8.safetensors",
      "parameters-4.safetensors",
      "parameters-6.safetensors",
      "parameters-8.safetensors",
    ]);
  });

  test("what was kept is what the run had then", async () => {
    const files = memory();
    await runToy({ steps: 8, checkpoint: { files, every: 2, keep: 3 } });
    const loaded = await loadSafetensors(files, "parameters-4.safetensors");
    expect(bits(loaded)).toEqual((await runToy({ steps: 4 })).parameters);
    disposeParameters(loaded);
  });
});

describe("another run's checkpoint is refused, with all that differs", () => {
  async function finished(): Promise<Files> {
    const files = memory();
    await runToy({ checkpoint: files, steps: 2 });
    return files;
  }

  test.each<[string, Partial<TrainOptions>, string]>([
    ["optimiser", { optimiser: sgd({ learningRate: 0.05 }) }, 'optimiser.kind: "adamW" in the checkpoint, "sgd" now'],
    ["schedule", { optimiser: adamW({ learningRate: 0.05 }) }, "optimiser.learningRate.step 1: 0.01"],
    ["accumulation", { accumulate: 3 }, "accumulate: 2 in the checkpoint, 3 now"],
    ["clipping", { clipNorm: 1 }, "clipNorm: 0.5 in the checkpoint, 1 now"],
    ["seed", { random: random(7) }, "random.seed: 6 in the checkpoint, 7 now"],
    ["several", { clipNorm: 1, accumulate: 3 }, "accumulate: 2 in the checkpoint, 3 now; clipNorm: 0.5"],
    [
      "weight decay of a group",
      {
        optimiser: adamW({
          learningRate: linear(0.05, { warmUp: 3, steps: 40 }),
          groups: [{ match: /out/, weightDecay: 0 }],
        }),
      },
      "optimiser.settings.out.weight.weightDecay: 0.01 in the checkpoint, 0 now",
    ],
  ])("%s", async (_, change, message) => {
    const checkpoint = await finished();
    await expect(runToy({ ...change, checkpoint })).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining(message),
    });
  });

  test("data of another size", async () => {
    await expect(runToy({ checkpoint: await finished() }, undefined, 24)).rejects.toThrow(
      "data.rows: 23 in the checkpoint, 24 now",
    );
  });

  test("an objective with other names and shapes", async () => {
    const { parameters, loss } = makeToy();
    const others = new Map([
      ["hidden.weight", parameters.get("hidden.weight")!],
      ["hidden.bias", parameters.get("out.weight")!],
      ["extra", parameters.get("hidden.bias")!],
    ]);
    await expect(runToy({ checkpoint: await finished() }, { parameters: others, loss })).rejects.toMatchObject({
      details: {
        places: expect.arrayContaining([
          'parameters.hidden.bias: "float32 [6]" in the checkpoint, "float32 [6, 1]" now',
          'parameters.out.weight: "float32 [6, 1]" in the checkpoint, absent now',
          'parameters.extra: absent in the checkpoint, "float32 [6]" now',
        ]),
      },
    });
  });
});

describe("damage is told by the file's name", () => {
  const names = ["checkpoint.json", "parameters-2.safetensors", "optimiser-2.safetensors"];

  async function damaged(change: (files: Files, bytes: Uint8Array) => Promise<void>, name: string): Promise<Files> {
    const files = memory();
    await runToy({ checkpoint: files, steps: 2 });
    await change(files, await files.read(name));
    return files;
  }

  test.each(names)("a flipped bit in %s", async (name) => {
    const checkpoint = await damaged(async (files, bytes) => {
      bytes[bytes.length >> 1]! ^= 1;
      await files.write(name, bytes);
    }, name);
    await expect(runToy({ checkpoint })).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining(`"${name}"`),
    });
  });

  test.each(names)("%s cut short", async (name) => {
    const checkpoint = await damaged((files, bytes) => files.write(name, bytes.subarray(0, -3)), name);
    await expect(runToy({ checkpoint })).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining(`"${name}"`),
    });
  });

  test.each(names.slice(1))("%s missing", async (name) => {
    const checkpoint = await damaged((files) => files.remove(name), name);
    await expect(runToy({ checkpoint })).rejects.toThrow(`"${name}" in memory is missing`);
  });

  test("a manifest of something else", async () => {
    await expect(runToy({ checkpoint: memory({ "checkpoint.json": '{"step": 3}' }) })).rejects.toThrow(
      '"checkpoint.json" in memory is no checkpoint of this version',
    );
  });
});
