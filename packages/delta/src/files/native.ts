/**
 * The container for what PEFT has no words for: any methods, any number of them, in order. `delta_config.json` says what
 * they are, `delta_model.safetensors` holds their tensors as `<delta>/<name>`.
 */
import { type Files, FormatError } from "@cambium/base";
import { disposeParameters, openSafetensors, random } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";
import type { Tuned } from "../attach.ts";
import { type Delta, type Method, named } from "../delta.ts";
import { fillParts } from "./fill.ts";
import { describeStructure, type Structure } from "./structure.ts";

export const NATIVE_CONFIG = "delta_config.json";
export const NATIVE_WEIGHTS = "delta_model.safetensors";

/** `delta_config.json`. */
export interface NativeConfig {
  readonly format: "cambium-delta";
  readonly version: 1;
  readonly base: Structure;
  readonly deltas: readonly {
    readonly name: string;
    readonly kind: string;
    readonly config?: unknown;
    /** Trained scalars. */
    readonly count: number;
  }[];
}

const schema = z.object({
  format: z.literal("cambium-delta"),
  version: z.literal(1),
  base: z.object({ model_type: z.string(), tensors: z.int(), scalars: z.int(), digest: z.string() }),
  deltas: z.array(z.object({ name: z.string().min(1), kind: z.string(), config: z.unknown(), count: z.int() })).min(1),
});

/** What the container says of a tuned model. */
export function describeNative({ base, deltas }: Tuned<LanguageModel>): NativeConfig {
  return {
    format: "cambium-delta",
    version: 1,
    base: describeStructure(base),
    deltas: deltas.map(({ name, kind, config, parameters }) => ({
      name,
      kind,
      config,
      count: [...parameters.values()].reduce((count, { size }) => count + size, 0),
    })),
  };
}

/**
 * The deltas of a container.
 *
 * @param methods - By kind.
 * @throws {FormatError} When it is no container, names an unknown method, is of another base, or holds other tensors.
 */
export async function loadNative(
  base: LanguageModel,
  files: Files,
  json: unknown,
  methods: Readonly<Record<string, Method<LanguageModel, never>>>,
): Promise<Delta> {
  const { location } = files;
  const fail = (problem: string, cause?: unknown): FormatError =>
    new FormatError({ message: `loadAdapter: ${NATIVE_CONFIG} in ${location} ${problem}`, location, cause });
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw fail(`is not what saveAdapter writes: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  checkBase(base, config.base, fail);
  const file = await openSafetensors(files, NATIVE_WEIGHTS);

  const parts: Delta[] = [];
  for (const { name, kind, config: settings } of config.deltas) {
    const method = methods[kind];
    try {
      if (method === undefined) throw fail(`holds the method "${kind}"; pass it as methods: { "${kind}": … }`);
      parts.push(named(name, method(base, settings as never, random(0))));
    } catch (error) {
      for (const part of parts) disposeParameters(part.parameters);
      throw (error as { code?: string }).code === "FORMAT"
        ? error
        : fail(`does not fit this model: ${(error as Error).message}`, error);
    }
  }
  return fillParts(
    parts,
    file,
    { keyOf: (part, name) => `${part.name}/${name}`, simplify: (key) => key },
    [],
    location,
  );
}

/** Throws when the encoder has other names or shapes than the one that the deltas were made for. */
function checkBase(base: LanguageModel, made: Structure, fail: (problem: string) => FormatError): void {
  const here = describeStructure(base);
  if (here.digest === made.digest) return;
  const show = ({ model_type: type, tensors, scalars }: Structure): string =>
    `${type} of ${tensors} tensors and ${scalars} scalars`;
  throw fail(`was made for another base: a ${show(made)}, and this is a ${show(here)}, of other names or shapes`);
}
