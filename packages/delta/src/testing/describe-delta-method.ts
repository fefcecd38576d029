import { disposeParameters, random } from "@cambium/core";
import { type Architecture, architectures as builtIn } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { describe, test } from "vitest";
import type { Method } from "../method.ts";
import { type Bench, type DeltaLaw, disposeDelta, laws } from "./laws.ts";

/** One configuration of a method. */
export interface DeltaCase<Options> {
  readonly title: string;
  readonly options: Options;
  /** Trainable scalars on `tinyModel()`, by the method's formula. */
  readonly count: number;
  /** Model types besides BERT on which these options mean something. @default those of the suite */
  readonly on?: readonly string[];
}

/** Settings of `describeDeltaMethod`. */
export interface DescribeDeltaMethodOptions<Options> {
  readonly configs: readonly DeltaCase<Options>[];
  /** Laws that do not hold for this method, and why not. @default none */
  readonly skip?: readonly { readonly law: DeltaLaw; readonly reason: string }[];
  /** Parameters that truly have no gradient; the suite checks that they have none. @default none */
  readonly withoutGradient?: { readonly names: RegExp; readonly reason: string };
  /** Model types besides BERT on which the laws of `everywhere` hold. @default one of every other architecture */
  readonly on?: readonly string[];
  /** Architectures that these types are of. @default those of `@cambium/models` */
  readonly architectures?: readonly Architecture[];
}

/** The laws that are checked on every architecture: the others follow from them and from BERT. */
const everywhere: readonly DeltaLaw[] = [
  "starts as the base model, to the bit",
  "a gradient reaches every trained tensor",
  "files bring back equal predictions",
];

/** Families that compute what another does, with other numbers: their gradients are that one's. */
const relatives: readonly string[] = ["roberta", "distilbert", "mistral", "qwen2", "qwen3"];

/**
 * Runs every law on every configuration of a delta method, on a tiny BERT; some of them on tiny models of other architectures,
 * with finite differences of a few tensors of the first configuration.
 *
 * @example
 * describeDeltaMethod(lora, { configs: [{ title: "defaults", options: {}, count: 512 }] });
 */
export function describeDeltaMethod<Options, Config>(
  method: Method<Options, Config>,
  settings: DescribeDeltaMethodOptions<Options>,
): void {
  const { configs, on, architectures = builtIn } = settings;
  describe.each(configs.map((config) => [config.title, config] as const))("%s", (_, config) => {
    for (const law of Object.keys(laws) as DeltaLaw[]) check(method, law, config, settings, "bert", architectures);
  });
  const others = on ?? architectures.map(({ types }) => types[0]!).filter((type) => type !== "bert");
  const elsewhere = configs.flatMap((config) =>
    others.filter((type) => config.on?.includes(type) ?? true).map((type) => [type, config.title, config] as const),
  );
  describe.each(elsewhere)("on %s, %s", (type, _, config) => {
    for (const law of everywhere) check(method, law, config, settings, type, architectures);
    if (config === elsewhere.find(([first]) => first === type)![2] && !relatives.includes(type))
      check(method, "gradients are those of finite differences", config, settings, type, architectures);
  });
}

/** One law as a test. */
function check<Options, Config>(
  method: Method<Options, Config>,
  law: DeltaLaw,
  { options, count }: DeltaCase<Options>,
  { skip = [], withoutGradient }: DescribeDeltaMethodOptions<Options>,
  type: string,
  architectures: readonly Architecture[],
): void {
  const reason = skip.find((exception) => exception.law === law)?.reason;
  if (reason !== undefined) {
    test.skip(`${law} (not here: ${reason})`, () => {});
    return;
  }
  test(law, async () => {
    const model = tinyModel({ type, architectures });
    const batch = tinyBatch(model);
    const delta = method(model, options, random(3));
    const bench: Bench = {
      method: method as unknown as Method,
      model,
      batch,
      options,
      count: type === "bert" ? count : undefined,
      delta,
      withoutGradient: withoutGradient?.names,
    };
    try {
      await laws[law](bench);
    } finally {
      disposeDelta(delta);
      disposeParameters(model.parameters);
      disposeFields(batch);
    }
  });
}
