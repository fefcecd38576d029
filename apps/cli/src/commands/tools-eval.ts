import { Command, InvalidArgumentError, Option } from "commander";
import type { Io } from "../io.ts";
import { countText } from "./cost-text.ts";
import type { EvalFlags } from "./eval-flags.ts";
import { METHODS } from "./eval-methods.ts";
import { runRows } from "./eval-rows.ts";
import { runTransferSets } from "./eval-transfer.ts";
import { addModelFlags, openModel, parseCount } from "./model-flags.ts";
import { DEMONSTRATIONS, demonstrationsFor, FORMATS, loadProblems } from "./problem-sets.ts";
import { openSandbox, PYTHON_HELP } from "./sandboxes.ts";

const EXAMPLE = `
Example, without a key, on problems made from a seed (what the rules get right says nothing about models):
  $ cambium tools eval synthetic:creation --model rules --method creator,pot --out runs/try
Example, on your copy of MATH, stopped at two dollars and resumed later:
  $ cambium tools eval MATH/test/algebra --numbers-only --model gpt-4o-mini --price 0.15/0.60 --budget usd=2 --out runs/algebra
  $ cambium tools eval MATH/test/algebra --numbers-only --model gpt-4o-mini --price 0.15/0.60 --budget usd=4 --out runs/algebra --resume`;

function parseList<Name extends string>(known: readonly Name[]): (text: string) => readonly Name[] {
  return (text) => {
    const names = text.split(",").map((name) => name.trim());
    const wrong = names.find((name) => !known.includes(name as Name));
    if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is none of ${known.join(", ")}.`);
    return names as Name[];
  };
}

/** `cambium tools eval`: methods over a problem set. */
export function evaluate(io: Io): Command {
  return addModelFlags(
    new Command("eval")
      .description("Solve a problem set by one method or several, judge the answers, and write a report.")
      .argument(
        "<set>",
        "a .jsonl or .json file, a folder of them, or synthetic:creation, synthetic:math, synthetic:transfer",
      )
      .addOption(new Option("--format <layout>", "layout of the set (default: by its fields)").choices(FORMATS))
      .option(
        "--method <names>",
        `any of ${Object.keys(METHODS).join(", ")}, with commas between`,
        parseList(Object.keys(METHODS)),
        ["creator"],
      )
      .option(
        "--hints <levels>",
        "any of none, utility, all: what the model is told of a helpful tool",
        parseList(["none", "utility", "all"] as const),
        ["none"],
      )
      .option("--numbers-only", "leave out problems whose answer is no plain number")
      .option("--limit <number>", "only the first so many problems or sets", parseCount),
  )
    .addOption(
      new Option("--grader <name>", "whose judgement counts; both are reported")
        .choices(["strict", "paper"])
        .default("strict"),
    )
    .option("--concurrency <number>", "problems under way at once", parseCount, 4)
    .option("--sample <number>", "number of the repeat; another one gets its own replies", parseCount, 0)
    .option("--rounds <number>", "repairs at most", parseCount, 3)
    .addOption(
      new Option("--demonstrations <name>", "worked examples in the prompts (default: those for the layout)").choices(
        Object.keys(DEMONSTRATIONS),
      ),
    )
    .option("--thought", "let the model think aloud first")
    .option("--python", PYTHON_HELP)
    .option("--faithful", "CREATOR as published, without our extensions")
    .option("--out <folder>", "results and report.html", "runs/eval")
    .option("--resume", "resume after the results that are in --out")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (source: string, flags: EvalFlags) => {
      const { format } = flags;
      const set = await loadProblems(source, flags.seed, {
        numbersOnly: flags.numbersOnly ?? false,
        ...(format === undefined ? {} : { format }),
      });
      const { models, model } = await openModel("tools eval", flags);
      const language = flags.python ? "python" : "javascript";
      const sandbox = openSandbox(language);
      try {
        const demonstrations =
          flags.demonstrations === undefined
            ? demonstrationsFor(set.format, language)
            : DEMONSTRATIONS[flags.demonstrations]!;
        const sampling = { temperature: flags.temperature, maxTokens: flags.maxTokens, seed: flags.seed };
        const setup = {
          model,
          sandbox,
          sampling,
          demonstrations,
          thought: flags.thought ?? false,
          rounds: flags.rounds,
          faithful: flags.faithful ?? false,
        };
        const left =
          set.format === "transfer"
            ? [await runTransferSets(io, set, setup, flags)]
            : await runRows(io, set, setup, flags);
        const open = left.reduce((sum, each) => sum + each.open, 0);
        if (open === 0 || io.signal.aborted) return;
        const why = left.find((each) => each.why !== undefined)?.why;
        const undone = countText(open, set.format === "transfer" ? "set" : "row");
        throw new Error(
          `tools eval: ${undone} left open${why === undefined ? "" : `: ${why}`}; the same command with --resume continues`,
        );
      } finally {
        await sandbox.close();
        await models.close();
      }
    });
}
