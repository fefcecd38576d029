/**
 * The container for what PEFT has no words for: any methods, any number of them, in order. `delta_config.json` says what
 * they are, `delta_model.safetensors` holds their tensors as `<delta>/<name>`.
 */
import { type Files, FormatError, type Json } from "@cambium/base";
import { openSafetensors, type Parameters } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";
import type { Tuned } from "../attach.ts";
import type { Delta, Stack } from "../delta.ts";
import type { MethodDefinition } from "../method.ts";
import { SCALED, scaledMethod } from "../scaled.ts";
import { type Draft, draft, holdsHead, storedOf } from "./draft.ts";
import { fillDrafts } from "./fill.ts";
import type { MethodTable } from "./peft-config.ts";
import { checkHead, headToStore } from "./stored-head.ts";
import { describeStructure, fingerprintVectors, type Structure } from "./structure.ts";

export const NATIVE_CONFIG = "delta_config.json";
export const NATIVE_WEIGHTS = "delta_model.safetensors";

/** `delta_config.json`. */
export interface NativeConfig {
  readonly format: "cambium-delta";
  readonly version: 1;
  readonly base: Structure & {
    /** Fingerprint of the base's norms and biases, which no form of it rounds. @default older files do not say */
    readonly values?: string;
  };
  /** By what the base was loaded. @default it was not */
  readonly source?: string;
  /** The head that they were trained under, labels included. @default none */
  readonly head?: Json;
  readonly deltas: readonly {
    readonly name: string;
    readonly kind: string;
    /** Of the method: the same config means something else in another. @default 1 */
    readonly version?: number;
    readonly config?: unknown;
    /** Trained scalars. */
    readonly count: number;
  }[];
}

const schema = z.object({
  format: z.literal("cambium-delta"),
  version: z.literal(1),
  base: z.object({
    model_type: z.string(),
    tensors: z.int(),
    scalars: z.int(),
    digest: z.string(),
    values: z.string().exactOptional(),
  }),
  source: z.string().exactOptional(),
  head: z.unknown().optional(),
  deltas: z
    .array(
      z.object({
        name: z.string().min(1),
        kind: z.string(),
        version: z.int().positive().default(1),
        config: z.unknown(),
        count: z.int(),
      }),
    )
    .min(1),
});

/** The config of a delta that is scaled. */
const scaledSchema = z.strictObject({ factor: z.number(), kind: z.string(), config: z.unknown() });

/** What the container says of a tuned model. */
export async function describeNative(tuned: Tuned<LanguageModel>): Promise<NativeConfig> {
  const { base, deltas } = tuned;
  const head = headToStore(tuned);
  return {
    format: "cambium-delta",
    version: 1,
    base: { ...describeStructure(base), values: await fingerprintVectors(base) },
    ...(base.source !== undefined && { source: base.source }),
    ...(head !== undefined && { head }),
    deltas: deltas.map(({ name, kind, method: { version = 1 }, config, parameters }) => ({
      name,
      kind,
      ...(version !== 1 && { version }),
      config,
      count: [...parameters.values()].reduce((count, { size }) => count + size, 0),
    })),
  };
}

/** What the container holds of a tuned model. */
export function nativeTensors({ deltas }: Tuned<LanguageModel>): Parameters {
  return new Map(
    deltas.flatMap((delta) => [...storedOf(delta)].map(([name, tensor]) => [`${delta.name}/${name}`, tensor] as const)),
  );
}

/**
 * The deltas of a container.
 *
 * @throws {FormatError} When it is no container, names an unknown method, is of another base, or holds other tensors.
 */
export async function loadNative(
  base: LanguageModel,
  files: Files,
  json: unknown,
  methods: MethodTable,
  otherWeights: boolean,
): Promise<Delta | Stack> {
  const { location } = files;
  const fail = (problem: string, cause?: unknown): FormatError =>
    new FormatError({ message: `loadAdapter: ${NATIVE_CONFIG} in ${location} ${problem}`, location, cause });
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw fail(`is not what saveAdapter writes: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  checkBase(base, config.base, fail);
  if (!otherWeights) await checkValues(base, config, fail);
  const file = await openSafetensors(files, NATIVE_WEIGHTS);
  const drafts = config.deltas.map(({ name, kind, version, config: settings }): Draft => {
    const method = findMethod(kind, settings, methods, fail);
    const { version: known = 1 } = method;
    if (version !== known) {
      throw fail(
        `holds version ${version} of the method "${kind}", and this is version ${known}, in which the same settings mean something else`,
      );
    }
    try {
      return draft(base, method, settings, name);
    } catch (error) {
      throw fail(`does not fit this model: ${(error as Error).message}`, error);
    }
  });
  checkHead(base, config.head, holdsHead(base, drafts), location);
  const names = { keyOf: ({ name: delta }: Draft, name: string) => `${delta}/${name}`, simplify: (key: string) => key };
  return fillDrafts(base, drafts, file, names, [], location);
}

/** The method of a kind, which for a scaled delta its settings name. */
function findMethod(
  kind: string,
  settings: unknown,
  methods: MethodTable,
  fail: (problem: string) => FormatError,
): MethodDefinition<never, unknown> {
  if (kind === SCALED) {
    const inner = scaledSchema.safeParse(settings);
    if (!inner.success) throw fail(`says of a scaled delta ${JSON.stringify(settings)}`);
    return scaledMethod(findMethod(inner.data.kind, inner.data.config, methods, fail)) as never;
  }
  if (Object.hasOwn(methods, kind)) return methods[kind]!;
  throw fail(`holds the method "${kind}"; pass it as methods: { "${kind}": … }`);
}

/** Throws when the body has other names or shapes than the one that the deltas were made for. */
function checkBase(base: LanguageModel, made: Structure, fail: (problem: string) => FormatError): void {
  const here = describeStructure(base);
  if (here.digest === made.digest) return;
  const show = ({ model_type: type, tensors, scalars }: Structure): string =>
    `${type} of ${tensors} tensors and ${scalars} scalars`;
  throw fail(`was made for another base: a ${show(made)}, and this is a ${show(here)}, of other names or shapes`);
}

/** Throws when the body has other values than the one that the deltas were made for. */
async function checkValues(
  base: LanguageModel,
  { base: { values }, source }: Pick<NativeConfig, "base" | "source">,
  fail: (problem: string) => FormatError,
): Promise<void> {
  if (values === undefined || values === (await fingerprintVectors(base))) return;
  const which = source === undefined ? "" : `, which was loaded by ${JSON.stringify(source)}`;
  throw fail(
    `was made for another base${which}: names and shapes are this one's, and the values of norms and biases are not. Load that base, and move the deltas with tuned.on(…); or pass { otherWeights: true } if this is the same in other precision`,
  );
}
