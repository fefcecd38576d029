/** The neurons of a model that follow the valence of emotions, and what their absence does. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError, result } from "@cambium/base";
import { disposeParameters, random, useBackend } from "@cambium/core";
import {
  reportProbe,
  runAblation,
  runEmotionProbe,
  scoresOf,
  selectUnits,
  valence,
  wordTask,
} from "@cambium/emotion-probing";
import { loadModel, loadTokenizer } from "@cambium/models";
import { textTable } from "@cambium/report";
import { sapling } from "@cambium/saplings";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";

const PROBED = [
  "i feel {emotion} .",
  "there was {emotion} in her voice .",
  "it was a moment of {emotion} .",
  "he could not hide his {emotion} .",
  "they spoke about {emotion} .",
];
const ASKED = ["{emotion} is {mask} .", "the {emotion} was {mask} .", "it is {mask} to know {emotion} ."];
const WRONG_USE = 2;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function readSettings() {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      quick: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      out: { type: "string", default: "runs/find-neurons" },
    },
  });
  const seed = values.seed.trim() === "" ? Number.NaN : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ConfigError({ message: `--seed must be an integer from 0, got "${values.seed}"` });
  return { ...values, seed };
}

async function main({ model: folder, quick, seed, out }: ReturnType<typeof readSettings>): Promise<void> {
  const { backend } = await useBackend();
  const files = folder ?? sapling(quick ? "bert-2x128" : "bert-4x256");
  const model = await loadModel(files, { head: { kind: "masked-lm" } });
  const tokenizer = await loadTokenizer(files);
  const emotions = Object.keys(valence);
  const key = random(seed);

  const permutations = quick ? 99 : 1000;
  const probe = await result(
    runEmotionProbe(model, tokenizer, { emotions, templates: PROBED, permutations, random: key.at("probe") }),
  );
  const [whole] = probe.rsa;
  say(
    `${backend}; similarity with valence ${whole!.similarity.toFixed(3)} (${whole!.low?.toFixed(3)} to ${whole!.high?.toFixed(3)}), p = ${whole!.p.toFixed(4)}`,
  );
  say(
    `neurons at a rate of false discoveries of 5 %: ${probe.neurons[0]!.discoveries}; beyond the best by chance: ${probe.neurons[0]!.beyondChance}`,
  );

  const mask = tokenizer.decode([tokenizer.special.mask!], { skipSpecial: false });
  const task = wordTask(model, tokenizer, "polarity", {
    rows: ASKED.flatMap((template) =>
      emotions.map((emotion) => ({
        text: template.replace("{emotion}", emotion).replace("{mask}", mask),
        answer: valence[emotion]! > 0 ? "good" : "bad",
      })),
    ),
    words: { good: "good", bad: "evil" },
  });
  const units = selectUnits(scoresOf(probe.searchlight!, "valence"), { top: 0.05 });
  const draws = quick ? 19 : 99;
  const { rows, effects, work } = await result(
    runAblation(model, [task], { sets: { valence: units }, draws, random: key.at("ablation") }),
  );
  const intact = rows.find(({ set }) => set === "none")!.score;
  const good = emotions.filter((emotion) => valence[emotion]! > 0).length / emotions.length;
  const majority = Math.max(good, 1 - good);
  say(
    `\naccuracy ${(100 * intact).toFixed(1)} %, of always saying the commoner answer ${(100 * majority).toFixed(1)} %`,
  );
  say(
    textTable({
      columns: [
        { name: "control" },
        { name: "drop", unit: "points", digits: 1 },
        { name: "of random sets", digits: 1 },
        { name: "p", digits: 3 },
      ],
      rows: effects.map(({ control, drop, controlDrop, p }) => [control, 100 * drop, 100 * controlDrop, p]),
    }),
  );
  if (intact <= majority)
    say("The model does no better than the commoner answer, so that a drop says nothing about valence.");

  await mkdir(out, { recursive: true });
  await writeFile(join(out, "report.html"), reportProbe(probe, "Valence in the neurons of a small model").html());
  const results = {
    seed,
    permutations,
    draws,
    templates: { probed: PROBED, asked: ASKED },
    intact,
    majority,
    rsa: probe.rsa,
    neurons: probe.neurons,
    units,
    rows,
    effects,
    work,
  };
  await writeFile(join(out, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
  say(`${join(out, "report.html")} shows the probe`);
  for (const batch of task.batches) dispose(batch as unknown as Record<string, Tensor>);
  disposeParameters(model.parameters);
}

try {
  await main(readSettings());
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`find-neurons: ${message}\n`);
  process.exitCode = code === "CONFIG" || code?.startsWith("ERR_PARSE_ARGS") === true ? WRONG_USE : 1;
}
