/**
 * Soft prompts that make a frozen model tell whether a text has an emotion, and what they alone switch on in its neurons.
 *
 * Two kinds of models are asked in words, by the word at a mask or the next one. An encoder without a head for words is asked by a
 * class head that is random, frozen and the same for all emotions, so that the prompt has to do everything; it reads the first row.
 */
import { setImmediate } from "node:timers/promises";
import { type Files, folder, hasFile } from "@cambium/base";
import { disposeParameters, loadSafetensors, type Parameters, type Random, saveSafetensors } from "@cambium/core";
import { attach, prompt, type Tuned } from "@cambium/delta";
import {
  type AblationTask,
  type ConditionActivations,
  findSites,
  type GoEmotions,
  type LabelledText,
  wordTask,
} from "@cambium/emotion-probing";
import type { RunContext } from "@cambium/experiments";
import { capture, collate, type LanguageModel, type LanguageOutput, type TokenBatch } from "@cambium/models";
import { defineTask, type Form } from "@cambium/tasks";
import { adamW, type Batches, batches, train } from "@cambium/train";
import {
  argMax,
  cast,
  dispose,
  equal,
  reshape,
  slice,
  type Tensor,
  type Tensor3D,
  tensor1d,
  tidy,
} from "@tensorflow/tfjs-core";
import { draw } from "./emotions.ts";
import { formOf, type Opened, openModel } from "./models.ts";
import { BATCH_SIZE, type Extent, MAX_LENGTH, PAD_TO } from "./plan.ts";

const [ABSENT, PRESENT] = ["absent", "present"] as const;
const WORDS = { absent: "no", present: "yes" };

const task = defineTask({
  name: "emotion",
  labels: [ABSENT, PRESENT],
  template: { mask: "{answer} : {text}", continuation: "{text}\nAnswer: {answer}" },
  words: WORDS,
});

interface Row {
  readonly text: string;
  readonly label: typeof ABSENT | typeof PRESENT;
}

/** As many texts with the emotion as without; the latter from all others. */
function rowsOf(part: readonly LabelledText[], emotion: string, positives: number, random: Random): Row[] {
  const has = part.filter(({ labels }) => labels.includes(emotion));
  const own = draw(has, positives, random.at("present"));
  const others = draw(
    part.filter(({ labels }) => !labels.includes(emotion)),
    own.length,
    random.at("absent"),
  );
  const row =
    (label: Row["label"]) =>
    ({ text }: LabelledText): Row => ({ text: text.slice(0, 8 * MAX_LENGTH), label });
  return [...own.map(row(PRESENT)), ...others.map(row(ABSENT))];
}

/** A prompt of one emotion. */
interface Prompted {
  readonly emotion: string;
  readonly repeat: number;
  readonly tuned: Tuned<LanguageModel>;
  /** Of the development rows, in percent. */
  readonly accuracy: number;
}

/** Prompts, and what they gave. */
export interface Prompts {
  readonly activations: ConditionActivations;
  /** For each prompt of the first repeat its model, and what it is asked: test rows. */
  readonly asked: readonly { readonly model: Tuned<LanguageModel>; readonly tasks: readonly AblationTask[] }[];
  /** Development accuracies in percent, and the share of prompts that are better than chance by two standard errors. */
  readonly accuracies: readonly { readonly emotion: string; readonly repeat: number; readonly accuracy: number }[];
  readonly passed: number;
  readonly base: LanguageModel;
  dispose(): void;
}

/** Tunes all prompts of a run. */
export async function tunePrompts(
  name: string,
  data: GoEmotions,
  extent: Extent,
  random: Random,
  { signal, progress, scratch }: RunContext,
): Promise<Prompts> {
  const { promptEmotions: emotions, repeats, judged, askedTexts } = extent;
  const form = formOf(name);
  const opened = await openModel(name, random.at("model"), { head: task.head(form) });
  const total = emotions.length * repeats;
  let done = 0;
  async function tune(emotion: string, repeat: number): Promise<Prompted> {
    const found = await tunePrompt(opened, form, data, extent, emotion, repeat, random, { signal, scratch });
    done += 1;
    progress((0.6 * done) / total); // the rest is the ablation
    return found;
  }
  const prompts: Prompted[] = [];
  for (let repeat = 0; repeat < repeats; repeat++)
    for (const emotion of emotions) prompts.push(await tune(emotion, repeat));

  const asked = prompts
    .filter(({ repeat }) => repeat === 0)
    .map(({ emotion, tuned }) => {
      const rows = rowsOf(data.test, emotion, askedTexts, random.at("test").at(emotion));
      return { model: tuned, tasks: [taskOf(opened, form, emotion, rows)] };
    });
  const limit = 50 + 2 * Math.sqrt(2500 / (2 * judged));
  return {
    activations: await promptActivations(opened, form, prompts, emotions),
    asked,
    accuracies: prompts.map(({ emotion, repeat, accuracy }) => ({ emotion, repeat, accuracy })),
    passed: (100 * prompts.filter(({ accuracy }) => accuracy > limit).length) / prompts.length,
    base: opened.model,
    dispose() {
      for (const { tasks } of asked)
        for (const { batches: own } of tasks) for (const batch of own) dispose(Object.values(batch) as Tensor[]);
      for (const { tuned } of prompts) disposeParameters(tuned.parameters);
      disposeParameters(opened.model.parameters);
    },
  };
}

/** A prompt's parameters after its training; a run that starts again finds those that it had. */
async function learnt(
  tuned: Tuned<LanguageModel>,
  examples: Batches<TokenBatch>,
  { epochs, rate }: Extent,
  random: Random,
  { signal, files, file }: { readonly signal: AbortSignal; readonly files: Files; readonly file: string },
): Promise<Parameters> {
  if (await hasFile(files, file)) return loadSafetensors(files, file);
  const run = train(tuned, examples, {
    optimiser: adamW({ learningRate: rate, weightDecay: 0.01 }),
    epochs,
    random,
    signal,
  });
  for await (const event of run) {
    if (event.type !== "end")
      await setImmediate(); // lets a stop in
    else if (event.reason !== "stopped") {
      await saveSafetensors(files, file, event.parameters);
      return event.parameters;
    } else disposeParameters(event.parameters);
  }
  throw signal.reason;
}

async function tunePrompt(
  { model, tokenizer }: Opened,
  form: Form,
  data: GoEmotions,
  extent: Extent,
  emotion: string,
  repeat: number,
  random: Random,
  { signal, scratch }: Pick<RunContext, "signal" | "scratch">,
): Promise<Prompted> {
  const { length, positives, judged } = extent;
  const key = random.at("prompt").at(emotion).at(repeat);
  const tuned = attach(model, prompt(model, { length }, key.at("start")));
  const rows = task.rows(rowsOf(data.train, emotion, positives, key.at("train")), {
    form,
    tokenizer,
    maxLength: MAX_LENGTH,
  });
  const toBatch = collate(model, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO });
  const examples = batches(rows.rows, toBatch, {
    size: BATCH_SIZE,
    random: key.at("order"),
    buckets: toBatch.lengthOf,
  });
  const place = { signal, files: folder(scratch), file: `${emotion}-${repeat}.safetensors` };
  const trained = tuned.with(await learnt(tuned, examples, extent, key.at("dropout"), place));
  disposeParameters(tuned.parameters);
  const dev = rowsOf(data.dev, emotion, judged, key.at("dev"));
  const right = taskOf({ model, tokenizer }, form, emotion, dev);
  let correct = 0;
  for (const batch of right.batches) {
    const scores = tidy(() => right.score(trained.forward(batch), batch));
    correct += ((await scores.data()) as Float32Array).reduce((sum, value) => sum + value, 0);
    dispose([scores, ...(Object.values(batch) as Tensor[])]);
  }
  return { emotion, repeat, tuned: trained, accuracy: (100 * correct) / dev.length };
}

/** Is the emotion there? One score a row: 1 where the answer is right. */
function taskOf({ model, tokenizer }: Opened, form: Form, emotion: string, rows: readonly Row[]): AblationTask {
  if (form !== "class-head") {
    const mask = form === "mask" ? tokenizer.decode([tokenizer.special.mask!], { skipSpecial: false }) : undefined;
    return wordTask(model, tokenizer, emotion, {
      rows: rows.map(({ text, label }) => ({
        text: mask === undefined ? `${text}\nAnswer:` : `${mask} : ${text}`,
        answer: label,
      })),
      words: mask === undefined ? { absent: " no", present: " yes" } : WORDS,
      maxLength: MAX_LENGTH,
    });
  }
  const { head: _, ...headless } = model;
  const toBatch = collate(headless, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO });
  const size = 2 * BATCH_SIZE;
  const inBatches = Array.from({ length: Math.ceil(rows.length / size) }, (_, i) =>
    rows.slice(i * size, (i + 1) * size),
  );
  return {
    name: emotion,
    batches: inBatches.map(
      (part) =>
        ({
          ...toBatch(part.map(({ text }) => ({ text }))),
          labels: tensor1d(
            part.map(({ label }) => Number(label === PRESENT)),
            "int32",
          ),
        }) as TokenBatch,
    ),
    score: ({ logits }: LanguageOutput, { labels }) =>
      cast(equal(argMax(logits!, 1), cast(labels!, "int32")), "float32"),
  };
}

/**
 * Of each prompt without a text: the row that the answer is read from. The vector depends on the prompt alone.
 *
 * @see Li et al. 2024, arXiv:2302.09582, whose code puts one trivial token in place of the text.
 */
async function promptActivations(
  { model, tokenizer }: Opened,
  form: Form,
  prompts: readonly Prompted[],
  emotions: readonly string[],
): Promise<ConditionActivations> {
  const { head: _, ...headless } = model;
  const mask = tokenizer.special.mask;
  const text = form === "continuation" ? "Answer:" : tokenizer.decode([mask!], { skipSpecial: false });
  const ids = tokenizer.encode(text).ids;
  const batch = collate(headless, tokenizer, { maxLength: MAX_LENGTH, padTo: [ids.length] })([{ text }]);
  const sites = findSites(model, "ff.act");
  const repeats = Math.max(...prompts.map(({ repeat }) => repeat)) + 1;
  const values = new Map(
    sites.map(({ path }) => [path, Array.from({ length: repeats }, () => new Array<Float32Array>(emotions.length))]),
  );
  const forward = form === "mask" ? { ...batch, positions: tensor1d([ids.indexOf(mask!)], "int32") } : batch;
  for (const { emotion, repeat, tuned } of prompts) {
    const rows = tidy(() => {
      const { captured } = capture<TokenBatch, LanguageOutput>(tuned, forward, ["ff.act"]);
      return Object.fromEntries(
        [...captured].map(([path, x]) => {
          const [, all, width] = (x as Tensor3D).shape;
          const extra = all - ids.length;
          const place = form === "class-head" ? 0 : extra + (form === "mask" ? ids.indexOf(mask!) : ids.length - 1);
          return [path, reshape(slice(x as Tensor3D, [0, place, 0], [1, 1, width]), [width])];
        }),
      );
    });
    for (const { path } of sites)
      values.get(path)![repeat]![emotions.indexOf(emotion)] = (await rows[path]!.data()) as Float32Array;
    dispose(rows);
  }
  dispose(Object.values(forward) as Tensor[]);
  return { conditions: emotions, sites, values };
}
