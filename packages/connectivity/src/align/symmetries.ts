/**
 * What may be permuted in a model without changing what it computes: units of a layer, each of which owns a slice of several tensors.
 * Groups are read off the sites, so that they hold for every architecture.
 */
import type { Site } from "@cambium/core";
import type { Delta, Tuned } from "@cambium/delta";
import type { Tensor } from "@tensorflow/tfjs-core";

/** The slices that the units of a group own in one tensor: unit u has entries `from + u · width` to `from + (u + 1) · width`. */
export interface Member {
  /** Name of the parameter. */
  readonly name: string;
  readonly axis: 0 | 1;
  readonly from: number;
  readonly width: number;
  /** Range on the other axis, where the units own only part of it. @default all of it */
  readonly across?: readonly [from: number, to: number];
}

/** Units that may change places. */
export interface SymmetryGroup {
  readonly name: string;
  readonly kind: "neurons" | "heads" | "bottleneck" | "tokens";
  readonly size: number;
  readonly members: readonly Member[];
}

/** A model with weights and sites. */
export interface HasWeights {
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** Where its weights and activations are. */
  sites(): readonly Site[];
}

/** Where a linear site's outputs or inputs lie. */
function side(sites: readonly Site[], site: Site, which: "out" | "in"): readonly Omit<Member, "width">[] {
  const whole =
    site.part === undefined ? site : sites.find(({ kind, path }) => kind === "linear" && path === site.part!.of)!;
  const { weight, bias } = whole;
  if (weight === undefined) return [];
  const outAxis = weight.layout === "out,in" ? 0 : 1;
  const from = site.part?.columns[0] ?? 0;
  if (which === "in") return [{ name: weight.name, axis: outAxis === 0 ? 1 : 0, from: 0 }];
  return [
    { name: weight.name, axis: outAxis, from },
    ...(bias === undefined ? [] : [{ name: bias, axis: 0 as const, from }]),
  ];
}

const withWidth = (members: readonly Omit<Member, "width">[], width: number): readonly Member[] =>
  members.map((member) => ({ ...member, width }));

/** Biases that are counted by heads and shared by layers tie the heads of all layers together. */
const tiesHeads = (names: Iterable<string>): boolean =>
  [...names].some((name) => name.includes("relative_attention_bias"));

function groupsOfModel({ parameters, sites: list }: HasWeights): SymmetryGroup[] {
  const sites = list();
  const blocks = new Map<string, Site[]>();
  for (const site of sites) {
    if (site.layer === undefined) continue;
    const key = `${site.stack ?? ""} ${site.layer}`;
    blocks.set(key, [...(blocks.get(key) ?? []), site]);
  }
  const hasTiedHeads = tiesHeads(parameters.keys());
  return [...blocks.values()].flatMap((block) => [
    ...neuronsOf(sites, block),
    ...(hasTiedHeads ? [] : ["attn", "cross"].flatMap((which) => headsOf(sites, block, which))),
  ]);
}

function neuronsOf(sites: readonly Site[], block: readonly Site[]): SymmetryGroup[] {
  const of = (role: string): readonly Site[] => block.filter((site) => site.role === role);
  const ups = [...of("ff.up"), ...of("ff.gate")];
  const [down] = of("ff.down");
  if (ups.length === 0 || down === undefined) return [];
  const members = [...ups.flatMap((site) => side(sites, site, "out")), ...side(sites, down, "in")];
  return [{ name: down.path, kind: "neurons", size: ups[0]!.width, members: withWidth(members, 1) }];
}

/** Heads; where several query heads share keys, first those that share, then within them. */
function headsOf(sites: readonly Site[], block: readonly Site[], which: string): SymmetryGroup[] {
  const of = (part: string): Site | undefined => block.find((site) => site.role === `${which}.${part}`);
  const [q, k, v, out, core] = [of("q"), of("k"), of("v"), of("out"), of("core")];
  if (q === undefined || k === undefined || v === undefined || out === undefined || core?.keyHeads === undefined)
    return [];
  const [dHead, keyHeads] = [core.width, core.keyHeads];
  const shared = q.width / dHead / keyHeads;
  const outer: SymmetryGroup = {
    name: core.path,
    kind: "heads",
    size: keyHeads,
    members: [
      ...withWidth(side(sites, q, "out"), dHead * shared),
      ...withWidth([...side(sites, k, "out"), ...side(sites, v, "out")], dHead),
      ...withWidth(side(sites, out, "in"), dHead * shared),
    ],
  };
  if (shared === 1) return [outer];
  const inner = Array.from({ length: keyHeads }, (_, h): SymmetryGroup => {
    const shift = (member: Omit<Member, "width">): Member => ({
      ...member,
      from: member.from + h * shared * dHead,
      width: dHead,
    });
    const members = [...side(sites, q, "out"), ...side(sites, out, "in")].map(shift);
    return { name: `${core.path}, keys ${h}`, kind: "heads", size: shared, members };
  });
  return [outer, ...inner];
}

/** Groups of a delta, under its own names. */
function groupsOfDelta(delta: Delta, base: HasWeights): SymmetryGroup[] {
  const { kind, parameters, method } = delta;
  if (method.replaces === true) return groupsOfModel(base);
  if (kind === "adapter") {
    return [...parameters.keys()]
      .filter((name) => name.endsWith(".down.weight"))
      .map((down): SymmetryGroup => {
        const name = down.slice(0, -".down.weight".length);
        const member = (end: string, axis: 0 | 1): Member => ({ name: `${name}.${end}`, axis, from: 0, width: 1 });
        return {
          name,
          kind: "bottleneck",
          size: parameters.get(down)!.shape[0]!,
          members: [member("down.weight", 0), member("down.bias", 0), member("up.weight", 1)],
        };
      });
  }
  const rows = parameters.get("prompt_embeddings");
  if (kind !== "prefix") return [];
  if (rows === undefined) {
    const embedding = parameters.get("embedding.weight")!;
    const member: Member = { name: "embedding.weight", axis: 0, from: 0, width: 1 };
    return [{ name: "prefix", kind: "tokens", size: embedding.shape[0]!, members: [member] }];
  }
  // Each attention has its own keys and values, whose order nothing depends on.
  let from = 0;
  return base
    .sites()
    .filter((site) => site.kind === "attention")
    .map(({ path, width, keyHeads }): SymmetryGroup => {
      const across = [from, from + 2 * width * keyHeads!] as const;
      from = across[1];
      const member: Member = { name: "prompt_embeddings", axis: 0, from: 0, width: 1, across };
      return { name: path, kind: "tokens", size: rows.shape[0]!, members: [member] };
    });
}

/** Whether a model has deltas on it. */
export function isTuned(model: object): model is Tuned {
  return "deltas" in model && "base" in model;
}

/**
 * The groups of units that may change places: neurons of feed-forward layers, attention heads (with keys that several share, both the
 * groups and within them), bottlenecks of adapters, tokens of prefixes. Of a tuned model those of what is trained; a group of which
 * a part is frozen is none.
 *
 * The residual stream is left alone: it ties all layers together, and fine-tuning from one backbone does not move it. Heads of models
 * whose relative positions are shared by layers (T5) are left alone likewise.
 */
export function symmetriesOf(model: HasWeights | Tuned): readonly SymmetryGroup[] {
  if (!isTuned(model)) return groupsOfModel(model as HasWeights);
  const { deltas, parameters } = model;
  const base = model.base as unknown as HasWeights;
  return deltas
    .flatMap((delta) =>
      groupsOfDelta(delta, base).map((group) => ({
        ...group,
        members: group.members.map((member) => ({ ...member, name: `${delta.name}/${member.name}` })),
      })),
    )
    .filter(({ members }) => members.every(({ name }) => parameters.has(name)));
}
