/** (IA)³ in PEFT's files. */
import * as z from "zod";
import { defaultRoles, hostOf } from "../host.ts";
import type { Ia3Config, Ia3Options } from "../methods/ia3.ts";
import { explaining } from "./peft-config.ts";
import type { PeftFormat } from "./peft-format.ts";
import { writeLayers, writeNames } from "./peft-layers.ts";
import { matchPeftTargets } from "./peft-targets.ts";

const fields = z.looseObject({
  target_modules: z.unknown(),
  feedforward_modules: z.union([z.string(), z.array(z.string()).readonly()]).nullish(),
});

/** Settings and keys of (IA)³. */
export const ia3Format: PeftFormat<Ia3Options, Ia3Config> = {
  type: "IA3",
  read(source) {
    const { target_modules: targets, feedforward_modules: given } = source.fields(fields);
    const host = hostOf(source.base);
    const fed = defaultRoles(host, ["ia3"], ["ff.down"], "feedForward");
    const layers = source.layers(defaultRoles(host, ["ia3"], ["attn.k", "attn.v", ...fed]));
    if (layers.byName.size === 0) return { problems: layers.problems };
    const options = { targets: layers.isTarget };
    // Without targets and feed-forward layers both are the family's.
    if (given == null && targets == null) return { problems: layers.problems, options };
    const scalesInput = (name: string): boolean =>
      typeof given === "string"
        ? matchPeftTargets([name], { target_modules: given }).matched.length > 0
        : (given ?? []).some((end) => name.endsWith(end)); // PEFT looks for no dot here
    const feedForward = explaining(source.fail, () =>
      [...layers.byName].flatMap(([name, path]) => (scalesInput(name) ? [path] : [])),
    );
    return { problems: layers.problems, options: { ...options, feedForward } };
  },
  write({ config }, base) {
    const layers = writeLayers(base, config);
    if ("reason" in layers) return layers;
    return {
      fields: {
        ...layers.fields,
        feedforward_modules: writeNames(base, config.feedForward),
        init_ia3_weights: true,
      },
    };
  },
  keys: { read: (key) => key.replace(/\.ia3_l\.[^.]+$/, ".ia3_l") },
};
