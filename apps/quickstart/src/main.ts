/**
 * The first program to run: a small pretrained transformer learns what nouns mean from eight definitions a class, in three ways and
 * beside words alone, and then classifies sentences of yours. The tuning itself is in `tune.ts`, what is yours to change in `plan.ts`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { detach, saveAdapter } from "@cambium/delta";
import { predictor, saveModel } from "@cambium/models";
import { textTable } from "@cambium/report";
import { type BagOfWords, fewShot, fitBagOfWords, measureClassification } from "@cambium/tasks";
import { loadTask } from "@cambium/tasks/real";
import { keepNumbers } from "./kept.ts";
import { MAX_LENGTH, type Method, PER_CLASS, RECIPES, SEEDS, SENTENCES, TASK, WORDS } from "./plan.ts";
import { pythonProgram } from "./python.ts";
import { resultsTable, writeReadme } from "./results.ts";
import { type Definition, loadGround, measure, tune } from "./tune.ts";

const HELP = `Tunes a small pretrained model on ${PER_CLASS} labelled definitions a class, and classifies your sentences with it. No network.

Usage: pnpm quickstart [options]

  --text <sentence>  a sentence to classify, instead of those in apps/quickstart/src/plan.ts; may be given several times
  --quick            a smoke run of half a minute: does everything work here? Its numbers say nothing
  --out <folder>     where the adapter, the model and the numbers go (default runs/quickstart)
  --readme           writes the table and the figure of README.md from this run
  --help             this text

Stopped or killed, the same command resumes with the numbers that it has.
`;

/** Steps, definitions that are measured, and draws of a smoke run. */
const SMOKE = { steps: 4, tested: 60, seeds: 1 };

interface Flags {
  readonly texts: readonly string[];
  readonly quick: boolean;
  readonly out: string;
  readonly readme: boolean;
}

/** Words alone at their best: whether a word counts from one text or from two on, and the penalty, are chosen by other definitions. */
function wordsOf(rows: readonly Definition[], dev: readonly Definition[]): BagOfWords {
  const [one, two] = [1, 2].map((leastTexts) => fitBagOfWords(rows, dev, { leastTexts })) as [BagOfWords, BagOfWords];
  return two.devLoss < one.devLoss ? two : one;
}

/** One number after the other; what was found before is not done again. */
async function quickstart({ texts, quick, out, readme }: Flags): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const { reason } = await useBackend();
  const task = await loadTask(TASK);
  const ofText = (rows: typeof task.train): Definition[] => rows.map(({ text, label }) => ({ text, label: label! }));
  const [all, dev] = [ofText(task.train), ofText(task.dev)];
  const test = ofText(task.test).slice(0, quick ? SMOKE.tested : undefined);
  const labels = [...new Set(all.map(({ label }) => label))].sort();
  const seeds = SEEDS.slice(0, quick ? SMOKE.seeds : undefined);
  say(
    `${reason}\n${labels.length} classes, ${PER_CLASS} definitions of each to learn from, ${test.length} others to test on`,
  );

  const ground = await loadGround(labels);
  const { found, add } = keepNumbers(out, quick);
  const steps = quick ? { steps: SMOKE.steps } : {};
  const drawn = (seed: number): Definition[] => fewShot(all, { perClass: PER_CLASS, random: random(seed).at("rows") });
  const tuneOn = (seed: number, method: Method) => tune(ground, drawn(seed), method, random(seed).at(method), steps);
  for (const method of [WORDS, ...(Object.keys(RECIPES) as Method[])] as const) {
    for (const seed of seeds) {
      if (found.some((each) => each.method === method && each.seed === seed)) continue;
      const started = performance.now();
      let accuracy: number;
      if (method === WORDS) {
        const guesses = wordsOf(drawn(seed), dev).predict(test);
        accuracy = measureClassification(
          guesses,
          test.map(({ label }) => label),
        ).accuracy;
      } else {
        const tuned = await tuneOn(seed, method);
        accuracy = await measure(tuned, ground.tokenizer, test);
        disposeParameters(tuned.parameters);
      }
      add({ method, seed, accuracy });
      const took = ((performance.now() - started) / 1000).toFixed(1);
      say(
        `${method}, draw ${seed} of ${seeds.length}: ${quick ? "done" : `${(100 * accuracy).toFixed(1)} %`} in ${took} s`,
      );
    }
  }
  if (quick) say("\nA smoke run: everything works here. Its numbers say nothing; without --quick they do.");
  else say(`\n${textTable(resultsTable(found, test.length))}`);

  const tuned = await tuneOn(seeds[0]!, "LoRA and head");
  const classify = predictor(tuned, ground.tokenizer, { maxLength: MAX_LENGTH });
  for (const text of texts) {
    const scores = (await classify(text)) as readonly { readonly label: string; readonly score: number }[];
    const best = scores.slice(0, 3).map(({ label, score }) => `${label} ${score.toFixed(3)}`);
    say(`${JSON.stringify(text)}: ${best.join(", ")}`);
  }
  await saveAdapter(tuned, join(out, "adapter"));
  await saveModel(detach(tuned), join(out, "base"), { tokenizer: ground.tokenizer });
  writeFileSync(join(out, "classify.py"), pythonProgram(labels, texts));
  say(`
adapter: ${join(out, "adapter")} (a PEFT folder)
the same sentences in Python: python ${join(out, "classify.py")} (with torch, transformers and peft)
other sentences: pnpm quickstart --text "your own", or SENTENCES in apps/quickstart/src/plan.ts
your own table: pnpm cambium finetune table.csv --model sapling:bert-4x256
time: ${Math.round(performance.now() / 1000)} s`);
  if (readme && !quick) say(`wrote ${writeReadme(found, test.length).join(" and ")}`);
}

function parseFlags(): Flags | undefined {
  const { values } = parseArgs({
    options: {
      text: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
      out: { type: "string", default: "runs/quickstart" },
      readme: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  return { texts: values.text ?? SENTENCES, quick: values.quick, out: values.out, readme: values.readme };
}

try {
  const flags = parseFlags();
  if (flags === undefined) process.stdout.write(HELP);
  else await quickstart(flags);
} catch (error) {
  const { code = "", message } = error as Error & { code?: string };
  process.stderr.write(`quickstart: ${message.split(". ")[0]}\n`);
  process.exitCode = code.startsWith("ERR_PARSE_ARGS") ? 2 : 1;
}
