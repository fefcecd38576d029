import { folder, result } from "@cambium/base";
import { disposeParameters, type Objective, random } from "@cambium/core";
import { attach, type Delta, loadAdapter, saveAdapter, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { fitSubspace, type Solution, saveSubspace } from "@cambium/subspace";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { checkHead, withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT, modelFiles } from "../models/source.ts";
import { underHeadOf } from "../models/under-head.ts";
import { parseCount } from "./parse-count.ts";
import { checkEmpty, methodFolder, writeIndex } from "./subspace-files.ts";
import { writeFitReport } from "./subspace-report.ts";

interface FitFlags {
  readonly dimension: number;
  readonly out: string;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium subspace fit models/minilm mail:lora=adapters/mail-lora mail:ia3=adapters/mail-ia3 \\
      news:lora=adapters/news-lora news:ia3=adapters/news-ia3 --dimension 1 --out spaces/texts
Each adapter brings its own head, whose labels may differ from task to task. Adapters do not say where their training started, so the subspace is one of their parameters themselves.`;

interface Named {
  readonly task: string;
  readonly method: string;
  readonly path: string;
}

function parseSolution(text: string): Named {
  const [, task, method, path] = /^([^:=]+):([\w.-]+)=(.+)$/.exec(text) ?? [];
  if (task === undefined || method === undefined || path === undefined)
    throw new UseError(`subspace fit: "${text}" is no solution; write task:method=folder`);
  return { task, method, path };
}

/** `cambium subspace fit`: one subspace of adapters of several tasks and methods. */
export function subspaceFit(io: Io): Command {
  return new Command("fit")
    .description("Fit one subspace to adapters of several tasks and methods: each task by each method.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<solutions...>", "adapters as task:method=folder")
    .requiredOption("--dimension <number>", "coordinates", parseCount)
    .requiredOption("--out <folder>", "where the subspace goes")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, given: readonly string[], { dimension, out, json }: FitFlags) => {
      const named = given.map(parseSolution);
      await checkEmpty("subspace fit", out);
      await withModel(io, "subspace fit", name, { adapter: named[0]!.path }, async ({ base }) => {
        const solutions: Solution<never>[] = [];
        const models: Record<string, Tuned<LanguageModel>> = {};
        const loaded: Pick<Delta, "parameters" | "buffers" | "state">[] = [];
        const heads: Tensor[] = [];
        try {
          for (const { task, method, path } of named) {
            io.signal.throwIfAborted();
            const files = modelFiles(io, "subspace fit", path);
            const own = await underHeadOf(base, files, random(0), heads);
            const delta = await loadAdapter(own, files);
            loaded.push(delta);
            checkHead("subspace fit", name, own, delta);
            const tuned = attach(own, delta);
            models[method] ??= tuned;
            solutions.push({ task, method, tuned: tuned as unknown as Objective<never>, start: "zero" });
            io.live?.(`${solutions.length} of ${named.length} adapters`);
          }
          const space = await result(fitSubspace(solutions, { dimension }), (event) => {
            if (event.type === "warning") io.error(event.message);
          });
          const id = await saveSubspace(space, out, models as Record<string, Tuned>);
          for (const [method, tuned] of Object.entries(models)) await saveAdapter(tuned, methodFolder(out, method));
          const { methods, tasks, explained } = space;
          await writeIndex(folder(out), { id, dimension, methods, tasks });
          const errors = Object.fromEntries([...space.errors].map(([task, row]) => [task, Object.fromEntries(row)]));
          const { coordinates } = space;
          await writeFitReport(out, { dimension, methods, tasks, explained, errors, coordinates });
          space.dispose();
          if (json === true) io.out(JSON.stringify({ out, dimension, methods, tasks, explained, errors }));
          else {
            const share = explained[Math.min(dimension, explained.length) - 1] ?? 0;
            io.out(
              `${dimension} coordinates hold ${(100 * share).toFixed(1)} % of what ${tasks.length} tasks differ by, for ${methods.join(" and ")}`,
            );
            for (const [task, row] of Object.entries(errors))
              io.out(
                `${task}: ${Object.entries(row)
                  .map(([method, error]) => `${method} is off by ${(100 * error).toFixed(1)} %`)
                  .join(", ")}`,
              );
            io.out(`the subspace is in ${out}, and report.html shows it`);
          }
        } finally {
          for (const { parameters, buffers, state } of loaded)
            for (const tree of [parameters, buffers, state]) disposeParameters(tree);
          dispose(heads);
        }
      });
    });
}
