/** Choices of single entries of linear layers in PEFT's files: sparse high-rank adapters. */
import type { Parameters } from "@cambium/core";
import { floorDiv, mul, scalar, stack, sub, tidy } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Delta } from "../delta.ts";
import type { Inexpressible, PeftFormat, PeftTensors } from "../files/peft-format.ts";
import { writeNames } from "../files/peft-layers.ts";
import { usualRoles } from "../files/peft-lora.ts";
import { hostOf } from "../host.ts";
import { findTargets, type LinearTarget, shortestNames } from "../targets.ts";
import { weightCandidates } from "./candidates.ts";
import { writeManifest } from "./manifest.ts";
import type { ArbitraryConfig, ArbitraryOptions } from "./options.ts";
import { selectionOf } from "./selection.ts";

const fields = z.looseObject({ r: z.int().positive().default(32) });

/** Names of the values and of the places, of a layer's weight and in PEFT's files. */
const [ours, theirs] = [".weight.scalars", ".shira_weight"];
const [ourIndices, theirIndices] = [".weight.indices", ".shira_indices"];

/** The layers whose weights are edited, or why PEFT has no file for the choice. */
function layersOf({
  shape,
  config,
}: Delta<ArbitraryConfig>): { places: readonly LinearTarget[]; rank: number } | Inexpressible {
  const { picks } = selectionOf(shape, config);
  const linear = new Map(
    findTargets("saveAdapter", shape, { targets: () => true })
      .filter(({ site }) => site.part === undefined)
      .map((place) => [place.weight.name, place]),
  );
  const ranks = new Set<number>();
  const places: LinearTarget[] = [];
  for (const { candidate, scalars } of picks) {
    const place = linear.get(candidate.name);
    if (place === undefined || candidate.name !== `${place.site.path}.weight` || place.weight.layout !== "out,in")
      return { reason: `PEFT's SHiRA knows entries of linear layers alone, not of ${candidate.name}` };
    if (scalars.length === 0)
      return { reason: `PEFT's SHiRA knows single entries, not rows or all of ${candidate.name}` };
    const rank = scalars.length / (place.input + place.output);
    if (!Number.isInteger(rank))
      return {
        reason: `PEFT's SHiRA has a multiple of ${place.input} + ${place.output} entries in ${candidate.name}, not ${scalars.length}`,
      };
    ranks.add(rank);
    places.push(place);
  }
  const [rank, other] = [...ranks];
  if (other !== undefined)
    return { reason: `PEFT's SHiRA has one rank, and the entries are those of ${rank} and ${other}` };
  return { places, rank: rank! };
}

/** Rows and columns of the entries `[2, count]` int32 of each layer. The caller owns them. */
function indicesOf({ buffers }: Delta<ArbitraryConfig>, places: readonly LinearTarget[]): Parameters {
  return new Map(
    places.map(({ site, input }) => {
      const index = buffers.get(`${site.path}${ours}.index`)!;
      const pairs = tidy(() => {
        const row = floorDiv(index, scalar(input, "int32"));
        return stack([row, sub(index, mul(row, scalar(input, "int32")))]);
      });
      return [`${site.path}${ourIndices}`, pairs] as const;
    }),
  );
}

/** SHiRA (Bhardwaj et al. 2024, arXiv:2406.13175) in PEFT's files: `r · (in + out)` entries of each layer. */
export const shiraFormat: PeftFormat<ArbitraryOptions, ArbitraryConfig> = {
  type: "SHIRA",
  read(source) {
    source.fields(fields);
    const { byName, problems } = source.layers(usualRoles(source, "arbitrary"));
    if (byName.size === 0) return { problems };
    const host = hostOf(source.base);
    const candidates = new Map(weightCandidates(host).map((candidate) => [candidate.name, candidate]));
    return {
      problems,
      async complete(tensors: PeftTensors) {
        const picks = [];
        for (const [name, path] of byName) {
          const candidate = candidates.get(`${path}.weight`)!;
          const values = await tensors.values(`${name}${theirIndices}`);
          if (values === undefined)
            throw source.fail(`names the target "${name}", of which the file has no ${theirIndices}`);
          const count = values.length / 2;
          const scalars = Int32Array.from(
            { length: count },
            (_, i) => values[i]! * candidate.width + values[count + i]!,
          );
          const isInside = (i: number): boolean =>
            values[i]! >= 0 &&
            values[i]! < candidate.rows &&
            values[count + i]! >= 0 &&
            values[count + i]! < candidate.width;
          if (!scalars.every((place, i) => isInside(i) && (i === 0 || place > scalars[i - 1]!)))
            throw source.fail(
              `has entries of "${name}" that are outside of it, twice, or not in the order of its rows, as PEFT writes them`,
            );
          picks.push({ candidate, all: false, rows: new Int32Array(0), scalars });
        }
        const requested = picks.reduce((sum, { scalars }) => sum + scalars.length, 0);
        return { selection: writeManifest(host, { requested, picks }, 0) };
      },
    };
  },
  write(delta, base) {
    const found = layersOf(delta);
    if ("reason" in found) return found;
    const names = shortestNames(
      hostOf(base),
      found.places.map(({ site }) => site.path),
    );
    return {
      fields: {
        target_modules: writeNames(base, names),
        r: found.rank,
        mask_type: "random",
        random_seed: null,
        fan_in_fan_out: false,
        init_weights: true,
      },
      more: indicesOf(delta, found.places),
    };
  },
  keys: {
    write: (name, wrap) =>
      name.endsWith(ours)
        ? `${wrap(name.slice(0, -ours.length))}${theirs}`
        : `${wrap(name.slice(0, -ourIndices.length))}${theirIndices}`,
    read: (key) => {
      const name = key.replace(/\.(shira_(?:weight|indices))\.[^.]+$/, ".$1");
      if (name.endsWith(theirIndices)) return undefined;
      return name.endsWith(theirs) ? `${name.slice(0, -theirs.length)}${ours}` : name;
    },
  },
};
