/** `cambium tools eval cards`: the tasks of the bundled kits, in the three settings. */
import { join } from "node:path";
import { type ChatModel, openModels, scripted } from "@cambium/llm";
import { react } from "@cambium/tool-learning";
import { type CardEvaluation, cardEvaluation, expertPolicy, kitIds } from "@cambium/toolbox";
import { type Io, UseError } from "../io.ts";
import { type EvalFlags, type Left, refuseOld } from "./eval-flags.ts";
import { runAll } from "./eval-rows.ts";
import { withToolModel } from "./tool-model.ts";

const PREFIX = "cards:";

/** Whether a set is the cards: `cards` of the eighteen kits, or `cards:mail,shop`. */
export const isCards = (source: string): boolean => source === "cards" || source.startsWith(PREFIX);

function kitsIn(source: string): { readonly kits?: readonly string[] } {
  if (source === "cards") return {};
  const kits = source
    .slice(PREFIX.length)
    .split(",")
    .map((id) => id.trim());
  const wrong = kits.find((id) => !kitIds.includes(id));
  if (wrong === undefined) return { kits };
  throw new UseError(`tools eval: there is no kit "${wrong}", but ${kitIds.join(", ")}`);
}

/** What says which tasks there are. */
interface Cards {
  readonly seed: number;
  readonly each: number;
  readonly kits?: readonly string[];
}

/** The model that the flags mean; "experts" are the scripted ones. */
async function withModel<Result>(
  io: Io,
  flags: EvalFlags,
  cards: Cards,
  work: (model: ChatModel) => Promise<Result>,
): Promise<Result> {
  if (flags.model !== "experts" || flags.baseUrl !== undefined) return withToolModel(io, "tools eval", flags, work);
  const models = await openModels({
    store: flags.store,
    ...(flags.budget === undefined ? {} : { budget: flags.budget }),
  });
  try {
    return await work(models.model(scripted(await expertPolicy(cards), { name: "experts" })));
  } finally {
    await models.close();
  }
}

/** Runs the cards in every setting that is asked for, and writes a report. */
export async function runCards(io: Io, source: string, flags: EvalFlags): Promise<readonly Left[]> {
  const { world: seed, each, offer, turns, temperature, maxTokens } = flags;
  const cards: Cards = { seed, each, ...kitsIn(source) };
  refuseOld(flags, flags.setting);
  const agent = {
    planner: react({ turns }),
    budget: { modelCalls: turns },
    sampling: { temperature, maxTokens, seed: flags.seed },
  };
  return withModel(io, flags, cards, async (model) => {
    const opened: CardEvaluation[] = [];
    try {
      for (const setting of flags.setting)
        opened.push(
          await cardEvaluation({ ...cards, model, setting, agent, ...(offer === undefined ? {} : { offer }) }),
        );
      const runs = opened.map(({ solver, rows, grader }) => ({
        ...{ name: solver.name, solver, graders: [grader] },
        rows: rows.slice(0, flags.limit),
        folder: join(flags.out, solver.name),
      }));
      return await runAll(io, `${source}: ${flags.setting.join(", ")}`, runs, flags);
    } finally {
      await Promise.all(opened.map(({ close }) => close()));
    }
  });
}
