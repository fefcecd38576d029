/**
 * Deltas that are kept, with the model that each was trained on: which of them can be recycled after an upgrade is a question to their
 * folder. One subfolder holds one delta, as `saveAdapter` writes it or as PEFT does, beside `recycling.json`.
 */
import {
  ConfigError,
  checkOptions,
  type Files,
  FormatError,
  hasFile,
  openFiles,
  parseConfig,
  readJson,
} from "@cambium/base";
import { type Delta, loadAdapter, type SavedAdapter, type Stack, saveAdapter, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";
import { fingerprintModel, type Lineage, pathBetween } from "../lineage/lineage.ts";

/** What is known of a delta that is kept. */
export interface RegisteredDelta {
  /** Its folder within the registry. */
  readonly name: string;
  /** What it is for. */
  readonly task: string;
  /** Of the model that it was trained on, as `fingerprintModel` gives it. */
  readonly model: string;
  /** Labels of its head, in their order, where it has some. */
  readonly labels?: readonly string[];
  /** What it scores on that model, where that was measured: 0 to 1, more is better. */
  readonly score?: number;
  /** Names of what it was recycled from, the first one first. */
  readonly from: readonly string[];
}

const FILE = "recycling.json";
const FORMAT = "cambium-recycling";
const schema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  task: z.string().min(1),
  model: z.string().min(1),
  labels: z.array(z.string()).exactOptional(),
  score: z.number().exactOptional(),
  from: z.array(z.string()),
});

/** What is said of a delta when it is kept. */
export interface RegisterOptions {
  readonly task: string;
  /** Its model, as `lineage.json` beside that one says. @default by `fingerprintModel` */
  readonly model?: string;
  readonly score?: number;
  /** Names of what it was recycled from, the first one first. @default none */
  readonly from?: readonly string[];
}

const optionsSchema = z.strictObject({
  task: z.string().min(1),
  model: z.string().min(1).exactOptional(),
  score: z.number().exactOptional(),
  from: z.array(z.string()).exactOptional(),
});

/** The files of a folder whose names begin with `<name>/`, as a folder. */
function inFolder(files: Files, name: string): Files {
  const inside = `${name}/`;
  return {
    location: `${files.location}/${name}`,
    list: async () =>
      (await files.list()).flatMap(({ name: path, sizeBytes }) =>
        path.startsWith(inside) ? [{ name: path.slice(inside.length), sizeBytes }] : [],
      ),
    read: (path, range) => files.read(inside + path, range),
    write: (path, content) => files.write(inside + path, content),
    remove: (path) => files.remove(inside + path),
  };
}

function checkName(caller: string, name: unknown): asserts name is string {
  if (typeof name === "string" && /^[\w.-]+$/.test(name) && !/^\.+$/.test(name)) return;
  throw new ConfigError({
    message: `${caller}: a name has letters, digits, dots, dashes and underscores, got ${JSON.stringify(name)}`,
  });
}

/**
 * Keeps a delta: writes its adapter, then what is known of it. One of the same name is replaced.
 *
 * @param registry - The folder of all: a path, or any `Files`.
 * @param name - Its own folder within.
 * @throws {ConfigError} For names that are none, and keys that there are not.
 * @throws {StateError} When it is still at its start.
 */
export async function registerDelta(
  registry: string | Files,
  name: string,
  tuned: Tuned<LanguageModel>,
  options: RegisterOptions,
): Promise<SavedAdapter> {
  checkName("registerDelta", name);
  const files = inFolder(openFiles(registry), name);
  const saved = await saveAdapter(tuned, files);
  await describeDelta(registry, name, tuned, options);
  return saved;
}

/**
 * Says of an adapter that is there already, such as one that PEFT wrote, which model it was trained on and what for.
 *
 * @param tuned - The adapter on that model.
 */
export async function describeDelta(
  registry: string | Files,
  name: string,
  tuned: Pick<Tuned<LanguageModel>, "base" | "head">,
  options: RegisterOptions,
): Promise<void> {
  checkName("describeDelta", name);
  const { task, model, score, from = [] } = parseConfig("registerDelta", optionsSchema, options);
  const labels = tuned.head !== undefined && "labels" in tuned.head ? tuned.head.labels : undefined;
  const about = {
    format: FORMAT,
    version: 1,
    task,
    model: model ?? (await fingerprintModel(tuned.base)),
    ...(labels !== undefined && { labels }),
    ...(score !== undefined && { score }),
    from,
  };
  await inFolder(openFiles(registry), name).write(FILE, `${JSON.stringify(about, null, 1)}\n`);
}

/**
 * All deltas of a registry, by name.
 *
 * @throws {FormatError} When what is said of one is damaged.
 */
export async function listDeltas(registry: string | Files): Promise<readonly RegisteredDelta[]> {
  const files = openFiles(registry);
  const names = (await files.list()).flatMap(({ name }) =>
    name.endsWith(`/${FILE}`) ? [name.slice(0, -FILE.length - 1)] : [],
  );
  return Promise.all(
    names
      .filter((name) => !name.includes("/"))
      .sort()
      .map((name) => readDelta(files, name)),
  );
}

async function readDelta(files: Files, name: string): Promise<RegisteredDelta> {
  const own = inFolder(files, name);
  try {
    const { format: _, version: __, ...about } = parseConfig("listDeltas", schema, await readJson(own, FILE));
    return { name, ...about };
  } catch (cause) {
    throw new FormatError({
      message: `listDeltas: ${FILE} in ${own.location} is no description of version 1: ${(cause as Error).message}`,
      cause,
    });
  }
}

/** Settings of `openDelta`. */
export interface OpenDeltaOptions {
  /** The model, as `lineage.json` beside it says. @default by `fingerprintModel` */
  readonly model?: string;
}

/**
 * Reads a delta for the model that it was trained on.
 *
 * @throws {ConfigError} When there is no such delta, or the model is another one.
 */
export async function openDelta(
  registry: string | Files,
  name: string,
  base: LanguageModel,
  options: OpenDeltaOptions = {},
): Promise<Delta | Stack> {
  checkOptions("openDelta", options, ["model"]);
  checkName("openDelta", name);
  const files = openFiles(registry);
  if (!(await hasFile(inFolder(files, name), FILE)))
    throw new ConfigError({
      message: `openDelta: there is no "${name}" in ${files.location}; there are ${(await listDeltas(files)).map((each) => each.name).join(", ") || "none"}`,
    });
  const { model } = await readDelta(files, name);
  if (model !== (options.model ?? (await fingerprintModel(base))))
    throw new ConfigError({
      message: `openDelta: "${name}" was trained on another model than this one; load that one`,
    });
  return loadAdapter(base, inFolder(files, name));
}

/** A delta of a registry next to a model. */
export interface RecyclableDelta extends RegisteredDelta {
  /** `"current"`: it is of this model; `"lineage"`: of one that this was trained on from; `"unknown"`: nothing says so. */
  readonly relation: "current" | "lineage" | "unknown";
  /** Steps from its model to this one, where they are known. */
  readonly path?: readonly Lineage[];
}

/**
 * Which deltas can be recycled for a model. Files alone are read, no weights.
 *
 * @param model - As `fingerprintModel` gives it.
 * @param lineages - Of all models that are known.
 */
export async function listRecyclable(
  registry: string | Files,
  model: string,
  lineages: readonly Lineage[],
): Promise<readonly RecyclableDelta[]> {
  return (await listDeltas(registry)).map((delta) => {
    const path = pathBetween(delta.model, model, lineages);
    const relation = path === undefined ? "unknown" : path.length === 0 ? "current" : "lineage";
    return { ...delta, relation, ...(path !== undefined && { path }) };
  });
}
