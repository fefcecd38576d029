/** Versions of a model, opened one at a time: those that were made here, or those of `pnpm grow`. */
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Files, folder, hasFile, StateError } from "@cambium/base";
import { disposeParameters, loadSafetensors, type Random } from "@cambium/core";
import { attach, merge, type Tuned } from "@cambium/delta";
import { type HeadConfig, type LanguageModel, loadModel } from "@cambium/models";
import { modelSource } from "@cambium/study-kit/runs";
import type { Tensor } from "@tensorflow/tfjs-core";
import { changeOf, fileAt, keptSteps, versionsFolder } from "./continuation.ts";
import { elsewhere } from "./elsewhere.ts";
import { CONTINUATIONS, GROWN } from "./plan.ts";

/** A model and what it became. */
export interface Versions {
  /** Where the first one is, whose tokenizer all have. */
  readonly source: string | Files;
  /** Steps since the first one at which there are models, rising. */
  readonly steps: readonly number[];
  /** Steps at which the second version ends, and the third. */
  readonly second: number;
  readonly third: number;
  /**
   * A version, 0 for the first; or the control, which has its form and other places. The caller owns its parameters.
   *
   * @param random - Where a new head comes from: the same for all.
   */
  open(at: number | "control", head: HeadConfig, random: Random): Promise<LanguageModel>;
}

/** The versions of a model. */
export async function versionsOf(model: string, out: string): Promise<Versions> {
  return model === GROWN ? grownVersions() : madeVersions(model, out);
}

function madeVersions(model: string, out: string): Versions {
  const plan = CONTINUATIONS[model]!;
  const source = modelSource(model);
  const home = folder(versionsFolder(out, model));
  const open: Versions["open"] = async (at, head, random) => {
    if (at === "control") {
      const second = await open(plan.steps, head, random);
      const moved = elsewhere(second, random.at("elsewhere"));
      disposeParameters(second.parameters);
      return moved;
    }
    const base = (await loadModel(source, { head, random })) as LanguageModel;
    if (at === 0) return base;
    if (!(await hasFile(home, fileAt(at))))
      throw new StateError({
        message: `${home.location} has no ${fileAt(at)}: remove the folder of the part versions and run it again`,
      });
    return changed(
      base,
      attach(base, changeOf(base, plan)) as Tuned<LanguageModel>,
      await loadSafetensors(home, fileAt(at)),
    );
  };
  return { source, steps: keptSteps(plan), second: plan.steps, third: 2 * plan.steps, open };
}

/** A model with weights that were trained under another head. Takes over all that it is given. */
function changed(base: LanguageModel, tuned: Tuned<LanguageModel>, kept: ReadonlyMap<string, Tensor>): LanguageModel {
  const tree = new Map([...tuned.parameters].map(([name, value]) => [name, kept.get(name) ?? value]));
  // What was trained and is not here was the head that it was trained by.
  const lost = [...kept.keys()].filter((name) => !tree.has(name) && base.isBody(name.slice(name.indexOf("/") + 1)));
  if (lost.length > 0)
    throw new StateError({ message: `the model has no ${lost.slice(0, 3).join(", ")}, which were trained` });
  const merged = merge(tuned.with(tree)) as LanguageModel;
  for (const own of [tuned.parameters, kept, base.parameters]) disposeParameters(own);
  return merged;
}

/** Variable that names the folder of grown models. */
export const GROWN_VARIABLE = "CAMBIUM_GROWN";
const [FIRST, SECOND, THIRD, OTHER] = ["bert-4x256-v1", "bert-4x256-v2", "bert-4x256-v3", "bert-4x256-other-v1"];

const grownFolder = (): string => process.env[GROWN_VARIABLE] ?? ".cache/grow/models";

/** What of the grown models is not there, with the commands that make it; nothing where all is. */
export async function missingGrown(): Promise<string | undefined> {
  const lacks: string[] = [];
  for (const name of [FIRST, SECOND, THIRD, OTHER])
    await access(join(grownFolder(), name, "lineage.json")).catch(() => lacks.push(name));
  if (lacks.length === 0) return undefined;
  const commands = lacks.map((name) => `pnpm grow ${name}`).join(" && ");
  return `${lacks.join(", ")} in ${grownFolder()}: ${commands} makes ${lacks.length === 1 ? "it" : "them"} (or name a folder by ${GROWN_VARIABLE})`;
}

interface StoredLineage {
  readonly model: string;
  readonly parent: string | null;
  readonly steps: number;
}

const lineageOf = async (path: string): Promise<StoredLineage> =>
  JSON.parse(await readFile(join(path, "lineage.json"), "utf8")) as StoredLineage;

/**
 * Fingerprints of the grown models, as their lineages have them.
 *
 * @throws {StateError} When a version does not descend from the one before it.
 */
export async function grownFingerprint(): Promise<string> {
  const [first, second, third, other] = await Promise.all(
    [FIRST, SECOND, THIRD, OTHER].map((name) => lineageOf(join(grownFolder(), name))),
  );
  for (const [older, newer, name] of [
    [first, second, SECOND],
    [second, third, THIRD],
  ] as const)
    if (newer!.parent !== older!.model)
      throw new StateError({
        message: `${name} in ${grownFolder()} was trained on from another model than the one beside it; grow it again`,
      });
  return [first, second, third, other].map((each) => each!.model.slice(0, 8)).join("");
}

/** Models that were kept on the way to a version, by steps since the one before it. */
async function keptOf(name: string): Promise<ReadonlyMap<number, string>> {
  const home = join(grownFolder(), name);
  const kept = await readdir(join(home, "checkpoints")).catch(() => []);
  const steps = kept.flatMap((entry) => /^step-(\d+)$/.exec(entry)?.[1] ?? []).map(Number);
  const { steps: last } = await lineageOf(home);
  return new Map([
    ...steps
      .sort((a, b) => a - b)
      .filter((step) => step < last)
      .map((step) => [step, join(home, "checkpoints", `step-${step}`)] as const),
    [last, home],
  ]);
}

async function grownVersions(): Promise<Versions> {
  const [toSecond, toThird] = [await keptOf(SECOND), await keptOf(THIRD)];
  const second = Math.max(...toSecond.keys());
  const places = new Map([...toSecond, ...[...toThird].map(([step, path]) => [second + step, path] as const)]);
  const source = join(grownFolder(), FIRST);
  return {
    source,
    steps: [...places.keys()],
    second,
    third: Math.max(...places.keys()),
    open: async (at, head, random) => {
      const path = at === "control" ? join(grownFolder(), OTHER) : at === 0 ? source : places.get(at)!;
      return (await loadModel(path, { head, random })) as LanguageModel;
    },
  };
}
