import type { Setting } from "@cambium/toolbox";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { countText } from "./cost-text.ts";
import { isBfcl, runBfcl } from "./eval-bfcl.ts";
import { isCards, runCards } from "./eval-cards.ts";
import type { EvalFlags, Left } from "./eval-flags.ts";
import { METHODS } from "./eval-methods.ts";
import { runRows } from "./eval-rows.ts";
import { runTransferSets } from "./eval-transfer.ts";
import { parseCount } from "./model-flags.ts";
import { parseCount as parseFromOne } from "./parse-count.ts";
import { DEMONSTRATIONS, demonstrationsFor, FORMATS, loadProblems } from "./problem-sets.ts";
import { openSandbox, PYTHON_HELP } from "./sandboxes.ts";
import { addToolModelFlags, withToolModel } from "./tool-model.ts";

const EXAMPLE = `
Example, without a key, on problems made from a seed (what the rules get right says nothing about models):
  $ cambium tools eval synthetic:creation --model rules --method creator,pot --out runs/try
Example, on your copy of MATH, stopped at two dollars and resumed later:
  $ cambium tools eval MATH/test/algebra --numbers-only --model gpt-4o-mini --price 0.15/0.60 --budget usd=2 --out runs/algebra
  $ cambium tools eval MATH/test/algebra --numbers-only --model gpt-4o-mini --price 0.15/0.60 --budget usd=4 --out runs/algebra --resume
Example, the bundled tools in two settings, with a model of this machine:
  $ cambium tools eval cards:calculator,units --local model.gguf --setting zero-shot,few-shot --out runs/cards
Example, your copy of the Berkeley Function-Calling Leaderboard, right calls in each row or in possible_answer:
  $ cambium tools eval bfcl:BFCL_v4_multiple.json --model gpt-4o-mini --temperature 0 --out runs/bfcl`;

const SETTINGS: readonly Setting[] = ["no-tool", "zero-shot", "few-shot"];

/** Kinds of sets, each with the options that not all of them read. */
const KINDS = {
  cards: { many: "cards", reads: ["setting", "each", "world", "offer", "turns"] },
  bfcl: { many: "rows of the leaderboard", reads: ["calling", "turns"] },
  problems: {
    many: "problem sets",
    reads: [
      ...["format", "method", "hints", "numbersOnly", "grader", "rounds"],
      ...["demonstrations", "thought", "python", "faithful"],
    ],
  },
} as const;

type Kind = keyof typeof KINDS;

const kindOf = (source: string): Kind => (isCards(source) ? "cards" : isBfcl(source) ? "bfcl" : "problems");

/** @throws {UseError} For an option that the set does not read. */
function checkKind(command: Command, source: string): void {
  const kind = kindOf(source);
  const readers = (name: string): readonly Kind[] =>
    (Object.keys(KINDS) as Kind[]).filter((each) => (KINDS[each].reads as readonly string[]).includes(name));
  const wrong = command.options.find((option) => {
    const of = readers(option.attributeName());
    return of.length > 0 && !of.includes(kind) && command.getOptionValueSource(option.attributeName()) === "cli";
  });
  if (wrong === undefined) return;
  const of = readers(wrong.attributeName()).map((each) => KINDS[each].many);
  throw new UseError(`tools eval: ${wrong.long} is for ${of.join(" and ")}, and these are ${KINDS[kind].many}`);
}

function parseList<Name extends string>(known: readonly Name[]): (text: string) => readonly Name[] {
  return (text) => {
    const names = text.split(",").map((name) => name.trim());
    const wrong = names.find((name) => !known.includes(name as Name));
    if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is none of ${known.join(", ")}.`);
    return names as Name[];
  };
}

/** `cambium tools eval`: methods over a problem set; a model over the cards of the bundled tools, or over rows of the leaderboard. */
export function evaluate(io: Io): Command {
  return addToolModelFlags(
    new Command("eval")
      .description(
        "Have a model solve a problem set, the tasks of the bundled tools or rows of BFCL, judge it, and write a report.",
      )
      .argument(
        "<set>",
        "a .jsonl or .json file, a folder of them, synthetic:creation, synthetic:math, synthetic:transfer; cards, cards:mail,shop; or bfcl:FILE, bfcl:FOLDER",
      )
      .option(
        "--setting <names>",
        `of cards: any of ${SETTINGS.join(", ")}, with commas between`,
        parseList(SETTINGS),
        SETTINGS,
      )
      .option("--each <number>", "of cards: tasks of each kind", parseFromOne, 1)
      .option("--world <integer>", "of cards: seed of the worlds and their tasks", parseCount, 1)
      .option("--offer <number>", "of cards: tools of its kit that a task is offered (default: all)", parseFromOne)
      .option(
        "--turns <number>",
        "of cards and bfcl: requests to the model for a task, or a turn of one, at most",
        parseFromOne,
        20,
      )
      .addOption(
        new Option("--calling <how>", "of bfcl: calls by the model's provider, or as JSON in its text")
          .choices(["native", "text"])
          .default("native"),
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
    .action(async (source: string, flags: EvalFlags, command: Command) => {
      checkKind(command, source);
      const run = { cards: runCards, bfcl: runBfcl, problems: solveProblems }[kindOf(source)];
      finish(io, await run(io, source, flags));
    });
}

function finish(io: Io, left: readonly Left[]): void {
  const open = left.reduce((sum, each) => sum + each.open, 0);
  if (open === 0 || io.signal.aborted) return;
  const why = left.find((each) => each.why !== undefined)?.why;
  throw new Error(
    `tools eval: ${countText(open, left.some(({ isSets }) => isSets) ? "set" : "row")} left open${why === undefined ? "" : `: ${why}`}; the same command with --resume continues`,
  );
}

/** Solves the problems of a set by every method that is asked for. */
async function solveProblems(io: Io, source: string, flags: EvalFlags): Promise<readonly Left[]> {
  const { format } = flags;
  const set = await loadProblems(source, flags.seed, {
    numbersOnly: flags.numbersOnly ?? false,
    ...(format === undefined ? {} : { format }),
  });
  return withToolModel(io, "tools eval", flags, async (model) => {
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
      return set.format === "transfer"
        ? [await runTransferSets(io, set, setup, flags)]
        : await runRows(io, set, setup, flags);
    } finally {
      await sandbox.close();
    }
  });
}
