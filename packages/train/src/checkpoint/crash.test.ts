import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileError, type Files, folder, memory } from "@cambium/base";
import { disposeParameters, loadSafetensors, type Objective } from "@cambium/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { bits, type ToyBatch } from "../toy.fixture.ts";
import { openCheckpoints } from "./checkpoints.ts";
import { readManifest } from "./manifest.ts";
import { contents, makeToy, namesIn, runToy } from "./runs.fixture.ts";

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
    await expect(runToy({ ...short, checkpoint: checkpoint(disk) }, { stopAt: 3 })).rejects.toThrow("killed");
    expect([...hidden]).toEqual(["optimiser-3.safetensors"]);
    isDying = false;
    const { run: fixed, taken } = await readManifest(files);
    const run = { fixed, takenBy: async () => taken, takenAfter: async () => taken };
    await openCheckpoints({ ...checkpoint(disk), keep: 1 }, run);
    expect([...hidden]).toEqual([]);
    expect(await namesIn(files)).toEqual(["checkpoint.json", "optimiser-2.safetensors", "parameters-2.safetensors"]);
  });

  test("a full disk is reported as such, and the former checkpoint can be resumed", async () => {
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
    await expect(runToy({ checkpoint: join(path, "file", "run") }, { objective })).rejects.toMatchObject({
      code: "FILE",
    });
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

describe("damage is reported with the file's name", () => {
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
