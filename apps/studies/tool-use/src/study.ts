/** The grid, and what is claimed of it. */
import { type ClaimOptions, defineStudy, type Study } from "@cambium/experiments";
import { type Extent, MISFITS, MORE, SEEN_GAIN } from "./plan.ts";

const METRICS = {
  success: { unit: "%", digits: 1 },
  seen: { unit: "%", digits: 1 },
  unseen: { unit: "%", digits: 1 },
  choice: { unit: "%", digits: 1 },
  choiceUnseen: { unit: "%", digits: 1 },
  misfit: { unit: "%", digits: 2 },
} as const;

const untuned = (setting: string) => ({ state: "untuned", setting });
const TUNED = { state: "tuned" };

/** What is claimed of the model as it came. */
const OF_SETTINGS: readonly ClaimOptions[] = [
  {
    claim: "Descriptions of tools alone let the untuned model solve more than without tools",
    metric: "success",
    where: untuned("zero-shot"),
    minus: untuned("no-tool"),
    atLeast: MORE,
  },
  {
    claim: "Worked calls let the untuned model solve more than descriptions alone",
    metric: "success",
    where: untuned("few-shot"),
    minus: untuned("zero-shot"),
    atLeast: MORE,
  },
];

/** What is claimed of learning from the scripted expert. Both are asked in the zero-shot setting. */
const OF_TUNING: readonly ClaimOptions[] = [
  {
    claim: `On tools that it was trained on, the tuned model solves at least ${SEEN_GAIN} points more of new instructions in new worlds`,
    metric: "seen",
    where: TUNED,
    minus: untuned("zero-shot"),
    atLeast: SEEN_GAIN,
  },
  {
    claim: "On tools that it was not trained on, the tuned model solves more",
    metric: "unseen",
    where: TUNED,
    minus: untuned("zero-shot"),
    atLeast: MORE,
  },
  {
    claim: "On tools that it was not trained on, the tuned model calls the right tool first more often",
    metric: "choiceUnseen",
    where: TUNED,
    minus: untuned("zero-shot"),
    atLeast: MORE,
  },
  {
    claim: `Constrained decoding leaves at most ${MISFITS} % of calls with an unknown name or arguments that do not fit`,
    metric: "misfit",
    where: { setting: ["zero-shot", "few-shot"] },
    atMost: MISFITS,
  },
];

/** The study: the three settings untuned, and the tuned model where descriptions are all that it gets. */
export const toolUse = ({
  name,
  model,
  kits,
  seeds,
  each,
  drawn,
  worlds,
  perWorld,
  steps,
  turns,
  replyTokens,
}: Extent): Study =>
  defineStudy({
    name: `tool-use-${name}`,
    run: {
      module: new URL("./runs.ts", import.meta.url).href,
      name: "use",
      version: "1",
      inputs: { model, kits, each, drawn, worlds, perWorld, turns, replyTokens },
    },
    factors: {
      extent: [name],
      state: ["untuned", "tuned"],
      setting: ["no-tool", "zero-shot", "few-shot"],
      steps: [0, steps],
      seed: seeds,
    },
    where: ({ state, setting, steps: trained }) =>
      state === "untuned" ? trained === 0 : trained !== 0 && setting === "zero-shot",
    metrics: METRICS,
    claims: [...OF_TUNING, ...OF_SETTINGS],
    figures: ["success", "seen", "unseen"].map((metric) => ({
      title: `${metric === "success" ? "Solved" : `Solved, ${metric} tools`}`,
      metric,
      series: ["state", "setting"],
    })),
  });
