/**
 * From a PEFT folder to deltas.
 *
 * The method of the config's type says what its own fields mean; what is trained whole beside it is read here. Drafts then say
 * which tensors the file must hold, and `fillDrafts` compares and reads them.
 */
import type { Files } from "@cambium/base";
import type { Safetensors } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { type Delta, type Stack, stack } from "../delta.ts";
import { tablesOf } from "../host.ts";
import { head } from "../methods/head.ts";
import { whole } from "../methods/whole.ts";
import { endsWithName } from "../targets.ts";
import { type Draft, draft, holdsHead } from "./draft.ts";
import { fillDrafts } from "./fill.ts";
import { openWeights } from "./open-weights.ts";
import { asFields, explaining, type MethodTable, methodOf, openPeftConfig } from "./peft-config.ts";
import type { PeftTensors } from "./peft-format.ts";
import { findUnknown } from "./peft-known.ts";
import { copyProblem, parametersUnder } from "./peft-modules.ts";
import { isTaskFile, OLDER_WEIGHTS_FILE, ourName, unwrapKey, WEIGHTS_FILE } from "./peft-names.ts";
import { compareTables } from "./peft-tables.ts";
import { checkHead, headInMetadata } from "./stored-head.ts";

/** The settings by which a method's file is told from those of others that PEFT calls by the same name. */
function keysThatTell(
  { peft }: ReturnType<typeof methodOf>,
  fields: Readonly<Record<string, unknown>>,
): ReadonlySet<string> {
  const keys = new Set<string>();
  const get = (target: Readonly<Record<string, unknown>>, key: string | symbol): unknown => {
    keys.add(String(key));
    return target[String(key)];
  };
  peft.is?.(new Proxy(fields, { get }));
  return keys;
}

/**
 * The deltas of a PEFT folder.
 *
 * @throws {FormatError} When the config is not one that can be read, or the tensors do not fit the model; lists everything.
 */
export async function loadPeft(
  base: LanguageModel,
  files: Files,
  json: unknown,
  methods: MethodTable,
  ignore: readonly string[],
): Promise<Delta | Stack> {
  const { location } = files;
  const fields = asFields(json);
  const method = methodOf(fields, methods, location);
  const file = await openWeights(files, WEIGHTS_FILE, OLDER_WEIGHTS_FILE);
  const isTask = isTaskFile(base, file.entries.keys());
  const source = openPeftConfig(base, fields, isTask, location);
  const modules = draftModules(base, source.modulesToSave, isTask);
  const unread = unreadTensor([...file.entries.keys()]);
  if (unread !== undefined) throw source.fail(unread);
  const tables = await compareTables(base, file, modules.names);
  if (tables.problem !== undefined) throw source.fail(tables.problem);
  const { problems, ...reading } = method.peft.read(source);
  const unknown = findUnknown(fields, new Set([...source.asked, ...keysThatTell(method, fields)]), ignore);
  if (unknown.refused.length > 0) {
    throw source.fail(
      `asks for ${unknown.refused.join(", ")}, which is not known here and may change what is computed; if it does not, pass { ignore: [name] }`,
    );
  }
  const options = (await reading.complete?.(plainTensors(file))) ?? reading.options;
  const main = options === undefined ? [] : [explaining(source.fail, () => draft(base, method, options))];
  const copied = copyProblem(base, modules.names, method.peft.isPrompt === true);
  if (copied !== undefined && fields["ensure_weight_tying"] !== true)
    throw source.fail(
      `has "modules_to_save" ${JSON.stringify(source.modulesToSave)}: ${copied}; such files are not read`,
    );
  const drafts = [...main, ...modules.parts];
  if (problems.length + modules.problems.length === 0)
    checkHead(base, headInMetadata(file.metadata), holdsHead(base, drafts), location);
  const { read = (key: string): string | undefined => key } = method.peft.keys ?? {};
  const loaded = await fillDrafts(
    base,
    drafts,
    file,
    {
      keyOf: (_, name) => name,
      simplify(key) {
        if (tables.same.has(key)) return undefined;
        const name = read(unwrapKey(key), base);
        return name === undefined ? undefined : ourName(base, name);
      },
    },
    [...problems, ...modules.problems],
    location,
  );
  return unknown.warnings.length === 0 ? loaded : warning(loaded, unknown.warnings);
}

/** The same with something to say. */
function warning(loaded: Delta | Stack, warnings: readonly string[]): Delta | Stack {
  if (!("parts" in loaded)) return { ...loaded, warnings };
  const [first, ...others] = loaded.parts;
  return stack({ ...first!, warnings }, ...others);
}

/** The tensors of a file by their keys without wrappers. */
function plainTensors(file: Safetensors): PeftTensors {
  const keys = new Map([...file.entries.keys()].map((key) => [unwrapKey(key), key]));
  return {
    has: (key) => keys.has(key),
    async values(key) {
      const found = keys.get(key);
      return found === undefined ? undefined : ((await file.values(found)) as ArrayLike<number>);
    },
  };
}

/** What `modules_to_save` means: the head, and other modules trained whole. */
function draftModules(
  base: LanguageModel,
  modulesToSave: readonly string[],
  isTask: boolean,
): { readonly parts: readonly Draft[]; readonly names: readonly string[]; readonly problems: readonly string[] } {
  const asked = new Set(modulesToSave);
  const found = new Map([...asked].map((module) => [module, parametersUnder(base, module, isTask)]));
  const names = new Set([...found.values()].flat());
  // For classifiers PEFT asks for both of its usual names, of which a model has one.
  const isUsual = (module: string): boolean => module === "classifier" || module === "score";
  const hasUsual = [...found].some(([module, under]) => isUsual(module) && under.length > 0);
  const unknown = [...found].filter(([module, under]) => under.length === 0 && !(isUsual(module) && hasUsual));
  // A head that is random in part cannot be the one that the file was trained with: then all of it is asked for.
  const isOfHead = (name: string): boolean => names.has(name) || base.created.includes(name);
  const touchesHead = base.headParameters.some((name) => names.has(name)) && base.headParameters.every(isOfHead);
  const others = [...names].filter((name) => !(touchesHead && base.headParameters.includes(name)));
  const modules = [...new Set(others.map((name) => name.replace(/\.[^.]+$/, "")))];
  return {
    names: [...names],
    parts: [
      ...(touchesHead ? [draft(base, head, {})] : []),
      ...(modules.length > 0 ? [draft(base, whole, { modules })] : []),
    ],
    problems: unknown.map(([module]) =>
      isUsual(module) && base.head === undefined
        ? `it holds the head "${module}", and the model was loaded without one: give loadModel a head`
        : isTied(base, module)
          ? `the trained module "${module}" is a copy of the head's matrix, which this model shares with its word embeddings`
          : `the trained module "${module}" is not in the model`,
    ),
  };
}

/** Whether a name is of a head that reads the table of word embeddings. */
function isTied(base: LanguageModel, module: string): boolean {
  const tables = tablesOf(base.sites());
  return base
    .sites()
    .some(
      ({ kind, path, weight }) => kind === "linear" && endsWithName(path, module) && tables.has(weight?.name ?? ""),
    );
}

/** Tensors that settings outside of the method's own make PEFT write, and what they are. */
const unreadTensors: readonly (readonly [key: RegExp, what: string])[] = [
  [/\.token_adapter\./, 'has "trainable_token_indices": trained tokens are not read yet'],
];

/** What makes a file unreadable, by the first of its keys that says so. */
function unreadTensor(keys: readonly string[]): string | undefined {
  for (const [pattern, what] of unreadTensors) {
    const key = keys.find((each) => pattern.test(each));
    if (key !== undefined) return `${what}: the weights hold ${key}`;
  }
  return undefined;
}
