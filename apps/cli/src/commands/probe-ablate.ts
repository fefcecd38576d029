import { canonicalJson, result, sha256 } from "@cambium/base";
import { random } from "@cambium/core";
import {
  type AblationMode,
  type ControlKind,
  type HasSites,
  measureLevels,
  type NeuronScores,
  openActivations,
  runAblation,
  wordTask,
} from "@cambium/emotion-probing";
import type { Unit } from "@cambium/models";
import { textTable } from "@cambium/report";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { addOpenFlags, type OpenFlags, withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { manifestOf, modelMark, openOut, readSettings, unitsOf, writeResult } from "./probe-files.ts";

interface AblateFlags extends OpenFlags {
  readonly config: string;
  readonly seed: number;
  readonly out?: string;
  readonly json?: true;
}

const KEYS = ["rows", "words", "sets", "controls", "draws", "mode", "maxLength", "activations"] as const;
const MODES = ["zero", "scale", "random-scale", "mean", "noise", "resample"] as const;

const EXAMPLE = `
The file says what is asked and which neurons are taken out:
  { "rows": [{ "text": "joy is [MASK] .", "answer": "good" }, …], "words": { "good": "good", "bad": "evil" },
    "sets": { "valence": [{ "layer": 1, "unit": 17 }, …] }, "controls": ["random", "layer"], "draws": 20, "mode": { "kind": "zero" } }
Words of a model that writes begin with a space, as " good"; so do those of a masked model with byte pairs, as RoBERTa, behind a space.
The mode { "kind": "mean" } and the control "layer+activation" read the neurons' means from "activations": a folder of probe capture, of other texts.
Example:
  $ cambium probe ablate sapling:bert-4x256 --config ablation.json --out runs/ablation`;

/** `cambium probe ablate`: what is lost when neurons are taken out, beside random ones. */
export function probeAblate(io: Io): Command {
  const command = new Command("ablate")
    .description("Take out sets of neurons and measure a task of words, beside random sets that are matched.")
    .argument("<model>", MODEL_ARGUMENT);
  return addOpenFlags(command)
    .requiredOption("--config <file>", `a JSON object with ${KEYS.join(", ")}`)
    .option("--seed <integer>", "of the random sets", parseSeed, 0)
    .option("--out <folder>", "write ablation.json there, with every row")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, flags: AblateFlags) => {
      const settings = await readSettings("probe ablate", flags.config, KEYS);
      const { sets, mode, activations } = checked(flags.config, settings);
      const { rows, words, controls, draws, maxLength } = settings;
      if (flags.out !== undefined) await openOut("probe ablate", flags.out, "ablation");
      await withModel(io, "probe ablate", name, flags, async (opened) => {
        const { base, tuned, tokenizer } = opened;
        const model = tuned ?? base;
        const levels = activations === undefined ? undefined : await levelsIn(activations, model);
        const task = wordTask(model, tokenizer, "task", {
          rows: rows as readonly { readonly text: string; readonly answer: string }[],
          words: words as Readonly<Record<string, string>>,
          ...(maxLength !== undefined && { maxLength: maxLength as number }),
        });
        try {
          const found = await result(
            runAblation(model, [task], {
              sets,
              random: random(flags.seed),
              signal: io.signal,
              ...(controls !== undefined && { controls: controls as readonly ControlKind[] }),
              ...(draws !== undefined && { draws: draws as number }),
              ...(mode !== undefined && {
                mode: (mode.kind === "mean" ? { ...mode, means: levels! } : mode) as AblationMode,
              }),
              ...(levels !== undefined && isMatched(controls) && { levels }),
            }),
            (event) => event.type === "batch" && io.live?.(`${event.done} of ${event.total} batches`),
          );
          const { rows: table, effects, specificity, work } = found;
          const measured = { rows: table, effects, specificity, work };
          if (flags.out !== undefined) {
            const manifest = manifestOf(
              "probe ablate",
              { controls, draws, mode, activations },
              {
                seed: flags.seed,
                model: await modelMark(name, flags, opened),
                data: sha256(canonicalJson({ rows, words } as never)),
                interventions: sha256(canonicalJson(sets as never)),
              },
            );
            await writeResult(flags.out, "ablation", manifest, measured);
          }
          if (flags.json === true) return io.out(JSON.stringify(measured));
          const intact = found.rows.find(({ set }) => set === "none")!.score;
          io.out(`intact: ${(100 * intact).toFixed(1)} %`);
          io.out(
            textTable({
              columns: [
                { name: "set" },
                { name: "control" },
                { name: "drop", unit: "points", digits: 1 },
                { name: "of random sets", digits: 1 },
                { name: "p", digits: 3 },
              ],
              rows: found.effects.map(({ set, control, drop, controlDrop, p }) => [
                set,
                control,
                100 * drop,
                100 * controlDrop,
                p,
              ]),
            }),
          );
        } finally {
          for (const batch of task.batches) dispose(Object.values(batch) as Tensor[]);
        }
      });
    });
}

const isMatched = (controls: unknown): boolean => Array.isArray(controls) && controls.includes("layer+activation");

/** Means of the neurons of a model's ff.act, of what `probe capture` wrote. */
async function levelsIn(folder: string, model: HasSites): Promise<NeuronScores> {
  const stored = await openActivations(folder);
  const own = new Set(
    model
      .sites()
      .filter(({ role }) => role === "ff.act")
      .map(({ path }) => path),
  );
  const sites = stored.sites.filter(({ path }) => own.has(path));
  if (sites.length === 0)
    throw new UseError(
      `probe ablate: ${folder} holds no ff.act of this model; it holds ${stored.sites.map(({ path }) => path).join(", ")}`,
    );
  const rows = new Map<string, readonly Float32Array[]>();
  for (const { path } of sites) rows.set(path, await stored.read(path));
  return measureLevels(sites, rows);
}

/** What the library takes on trust from a program. */
function checked(path: string, settings: Readonly<Record<string, unknown>>) {
  const { rows, words, sets, mode, controls, activations } = settings;
  const wrong = (problem: string): UseError => new UseError(`probe ablate: ${path}: ${problem}`);
  const isRow = (row: unknown): boolean => {
    const { text, answer, ...rest } = (row ?? {}) as Readonly<Record<string, unknown>>;
    return typeof text === "string" && typeof answer === "string" && Object.keys(rest).length === 0;
  };
  if (!Array.isArray(rows) || rows.length === 0 || !rows.every(isRow))
    throw wrong('rows must be a list of { "text": …, "answer": … } and nothing else');
  if (typeof words !== "object" || words === null || Array.isArray(words))
    throw wrong("words must name a word for each answer");
  if (typeof sets !== "object" || sets === null || Array.isArray(sets)) throw wrong("sets must be neurons by name");
  const kind = (mode as { readonly kind?: unknown } | null | undefined)?.kind;
  if (mode !== undefined && !MODES.includes(kind as (typeof MODES)[number]))
    throw wrong(`mode must be of kind ${MODES.join(", ")}, got ${JSON.stringify(kind)}`);
  const needs = kind === "mean" ? "the mode mean" : isMatched(controls) ? "the control layer+activation" : undefined;
  if (activations !== undefined && typeof activations !== "string")
    throw wrong(`activations must be a folder of probe capture, got ${JSON.stringify(activations)}`);
  if (activations === undefined && needs !== undefined)
    throw wrong(`${needs} needs "activations", a folder of probe capture, to take means from`);
  if (activations !== undefined && needs === undefined)
    throw wrong('activations are for the mode mean and the control "layer+activation", and neither is asked for');
  const units = Object.entries(sets as Readonly<Record<string, unknown>>).map(
    ([name, list]) => [name, unitsOf("probe ablate", list, `sets.${name}`)] as const,
  );
  return {
    sets: Object.fromEntries(units) as Readonly<Record<string, readonly Unit[]>>,
    mode: mode as Exclude<AblationMode, { readonly kind: "mean" }> | { readonly kind: "mean" } | undefined,
    activations,
  };
}
