/** What a task is: what is asked about a text, in what words, and how that becomes rows for each form of a model. */
import { ConfigError, parseConfig } from "@cambium/base";
import type { HeadConfig, RunnableModel, Tokenizer } from "@cambium/models";
import * as z from "zod";
import { type ClassifierOptions, createClassifier, type TaskClassifier } from "./classifier.ts";
import { createRows, type RowsOptions, type TaskRow, type TaskRows } from "./rows.ts";
import { beforeAnswer, parseTemplate, type Template } from "./template.ts";

/**
 * How a model is asked. `"class-head"`: a head gives each class a score (or a number), and reads the text alone. `"mask"`: an encoder
 * fills a hidden word, and each class has one. `"continuation"`: a decoder goes on after the text. `"text-to-text"`: an
 * encoder-decoder writes.
 */
export type Form = "class-head" | "mask" | "continuation" | "text-to-text";

/** Forms that ask in words. */
export type WordForm = Exclude<Form, "class-head">;

/** What `defineTask` takes. */
export interface TaskOptions {
  readonly name: string;
  /** What is learnt: classes, numbers, or texts to be written. @default classes where there are labels, else texts */
  readonly kind?: "classes" | "numbers" | "texts";
  /** The classes, in their order. */
  readonly labels?: readonly string[];
  /**
   * What is asked, for the forms that ask in words: one template, or one for each. `{text}` and `{pair}` are the row's, `{answer}` is
   * where the word of the class stands, or the text to be written; in `"continuation"` and `"text-to-text"` it comes last.
   */
  readonly template?: string | Readonly<Partial<Record<WordForm, string>>>;
  /** The word that stands for each class. @default the label itself */
  readonly words?: Readonly<Record<string, string>>;
}

/** A task, with every choice made. */
export interface Task {
  readonly name: string;
  readonly kind: "classes" | "numbers" | "texts";
  /** The classes in their order; of other kinds, none. */
  readonly labels: readonly string[];
  /** The word of each class. */
  readonly words: Readonly<Record<string, string>>;
  /**
   * The head that a model needs.
   *
   * @throws {ConfigError} When the task has no such form.
   */
  head(form: Form): HeadConfig;
  /**
   * Rows for `collate`, with what is to be learnt where they have it. Texts are shortened so that the template fits; `cutRows` says how
   * many. (In the form `"class-head"` it is `collate` that cuts.)
   *
   * @throws {ConfigError} When a label is none of the task's, a word is not one token at a mask, or the template does not fit; names
   *   the row.
   */
  rows(rows: readonly TaskRow[], options: RowsOptions): TaskRows;
  /**
   * A function from texts to classes with their probabilities, the likeliest first, as `predictor` gives them.
   *
   * @throws {ConfigError} When the task has no classes, or the model has another head than the form asks for.
   */
  classifier(model: RunnableModel, tokenizer: Tokenizer, options: ClassifierOptions): TaskClassifier;
}

/** The parts of a task that its forms read. */
export interface TaskParts extends Pick<Task, "name" | "kind" | "labels" | "words" | "head"> {
  /** @throws {ConfigError} When there is none for the form. */
  templateOf(form: WordForm): Template;
}

const text = z.string().min(1);
const forms = ["mask", "continuation", "text-to-text"] as const;
const schema = z.strictObject({
  name: text,
  kind: z.enum(["classes", "numbers", "texts"]).exactOptional(),
  labels: z
    .array(text)
    .min(2)
    .refine((labels) => new Set(labels).size === labels.length, "labels must differ from each other")
    .readonly()
    .exactOptional(),
  template: z
    .union([
      text,
      z.strictObject({
        mask: text.exactOptional(),
        continuation: text.exactOptional(),
        "text-to-text": text.exactOptional(),
      }),
    ])
    .exactOptional(),
  words: z.record(z.string(), text).exactOptional(),
});

/**
 * A task: labelled texts as (input, target) for encoders by a head or a hidden word, for decoders by what follows, and for
 * encoder-decoders by what they write.
 *
 * @throws {ConfigError} When labels, words and templates do not fit together.
 * @see Schick and Schütze 2021, Exploiting Cloze Questions for Few Shot Text Classification, arXiv:2001.07676, section 3: templates
 *   and words for classes; Raffel et al. 2020, arXiv:1910.10683, section 2.4, for text-to-text.
 * @example
 * const task = defineTask({
 *   name: "spam",
 *   labels: ["ham", "spam"],
 *   template: { mask: "{answer} : {text}", continuation: "{text}\nThis message is{answer}" },
 *   words: { ham: "news", spam: "money" },
 * });
 * const base = await loadModel(folder, { head: task.head("mask") });
 * const { rows } = task.rows(mails, { form: "mask", tokenizer, maxLength: 128 });
 */
export function defineTask(options: TaskOptions): Task {
  const parsed = parseConfig("defineTask", schema, options) as TaskOptions;
  const { name, labels = [] } = parsed;
  const kind = parsed.kind ?? (labels.length > 0 ? "classes" : "texts");
  const problem = (message: string): ConfigError => new ConfigError({ message: `defineTask: ${message}`, name });
  if ((kind === "classes") !== labels.length > 0) {
    throw problem(
      kind === "classes"
        ? `task "${name}" needs labels`
        : `task "${name}" of kind "${kind}" has no labels, got ${labels.join(", ")}`,
    );
  }
  const words = wordsOf(labels, parsed.words, problem);
  const templates = templatesOf(parsed.template, problem);
  const parts: TaskParts = {
    name,
    kind,
    labels,
    words,
    head: (form) => headOf(parts, form),
    templateOf(form) {
      const template = templates.get(form);
      if (template !== undefined) return template;
      throw new ConfigError({
        message: `task "${name}" has no template for the form "${form}"; give one to defineTask`,
        form,
      });
    },
  };
  return {
    name,
    kind,
    labels,
    words,
    head: parts.head,
    rows: (rows, rowsOptions) => createRows(parts, rows, rowsOptions),
    classifier: (model, tokenizer, classifierOptions) => createClassifier(parts, model, tokenizer, classifierOptions),
  };
}

function wordsOf(
  labels: readonly string[],
  given: Readonly<Record<string, string>> = {},
  problem: (message: string) => ConfigError,
): Readonly<Record<string, string>> {
  const strange = Object.keys(given).find((label) => !labels.includes(label));
  if (strange !== undefined) throw problem(`words has "${strange}", which is none of the labels ${labels.join(", ")}`);
  const words = Object.fromEntries(labels.map((label) => [label, given[label] ?? label]));
  const twice = labels.find((label, i) => labels.findIndex((other) => words[other] === words[label]) < i);
  if (twice !== undefined) throw problem(`the word "${words[twice]}" stands for two classes`);
  return words;
}

function templatesOf(
  given: TaskOptions["template"],
  problem: (message: string) => ConfigError,
): ReadonlyMap<WordForm, Template> {
  if (given === undefined) return new Map();
  const templates = new Map<WordForm, Template>();
  for (const form of forms) {
    const source = typeof given === "string" ? given : given[form];
    if (source === undefined) continue;
    const template = parseTemplate(source);
    const isWhole = form === "mask" || beforeAnswer(template) !== undefined;
    if (isWhole) templates.set(form, template);
    else if (typeof given !== "string")
      throw problem(`template "${source}" for "${form}" has something after {answer}, where the model is to go on`);
  }
  return templates;
}

function headOf({ name, kind, labels, templateOf }: TaskParts, form: Form): HeadConfig {
  if (form !== "class-head" && !forms.includes(form))
    throw new ConfigError({
      message: `task: form must be "class-head", "mask", "continuation" or "text-to-text", got ${JSON.stringify(form)}`,
      form,
    });
  if (form === "class-head") {
    if (kind === "classes") return { kind: "sequence-classification", labels };
    if (kind === "numbers") return { kind: "regression" };
    throw new ConfigError({
      message: `task "${name}" writes texts, which no class head does; choose "continuation" or "text-to-text"`,
    });
  }
  templateOf(form);
  if (kind === "numbers")
    throw new ConfigError({ message: `task "${name}" has numbers, which only the form "class-head" gives` });
  if (form === "mask") {
    if (kind === "classes") return { kind: "masked-lm" };
    throw new ConfigError({
      message: `task "${name}" writes texts, and a mask hides one word; choose "continuation" or "text-to-text"`,
    });
  }
  return { kind: form === "continuation" ? "causal-lm" : "sequence-to-sequence" };
}
