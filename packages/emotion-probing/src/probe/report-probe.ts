import { type Block, type Report, report, table } from "@cambium/report";
import { mapConditions } from "../maps/mds.ts";
import type { NamedNeuron } from "../neurons/scores.ts";
import { plotGrid } from "../plots/plot-grid.ts";
import { plotLayers } from "../plots/plot-layers.ts";
import { plotMap } from "../plots/plot-map.ts";
import { plotModels } from "../plots/plot-models.ts";
import { format } from "../plots/plot-rdm.ts";
import { plotSimilarity } from "./plot-similarity.ts";
import type { EmotionProbe } from "./run-emotion-probe.ts";

const neuronText = ({ stack, layer, unit, score }: NamedNeuron): string =>
  `${stack === undefined ? "" : `${stack} `}L${layer ?? ""}.${unit} (${format(score)})`;

/** Everything that a probe found, on a page that opens offline. */
export function reportProbe(probe: EmotionProbe, title = "Emotion probe"): Report {
  const { conditions, sites, rsa, neurons, ceiling, reliability, human } = probe;
  const layers = 1 + Math.max(0, ...sites.map(({ layer }) => layer ?? 0));
  const names = Object.keys(probe.attributes);
  const sentences = [
    `${conditions.length} concepts, ${sites.reduce((sum, { width }) => sum + width, 0)} neurons at ${sites.length} sites.`,
    reliability === undefined
      ? "There is one repeat only, so that nothing can be said of reliability."
      : `Halves of the repeats agree with ${format(reliability.half)}, all of them are reliable by ${format(reliability.whole)} (Spearman and Brown).`,
    human === undefined
      ? ""
      : `Similarity with people ${format(human.similarity)}, between whose ceilings ${format(human.lower)} and ${format(human.upper)} a true model lies.`,
  ];
  const similarities: Block[] =
    names.length === 0
      ? ["No attributes were given, and the concepts are not all rated for valence."]
      : [
          plotModels(
            rsa.filter(({ site }) => site === "all").map(({ attribute, ...row }) => ({ name: attribute, ...row })),
            { title: "Attributes and the whole model", ...(ceiling !== undefined && { ceiling }) },
          ),
          plotGrid(
            names.map((name) =>
              sites.map(({ path }) => rsa.find((row) => row.attribute === name && row.site === path)!.similarity),
            ),
            {
              title: "Attributes by layer",
              rows: names,
              columns: sites.map(({ path, layer }) => (layer === undefined ? path : `layer ${layer}`)),
            },
          ),
          table({
            caption: "Similarity with attributes; p by permuted labels, intervals over concepts",
            columns: [
              { name: "attribute" },
              { name: "site" },
              { name: "similarity", digits: 3 },
              { name: "low", digits: 3 },
              { name: "high", digits: 3 },
              { name: "p", digits: 4 },
              { name: "p of any attribute", digits: 4 },
            ],
            rows: rsa.map(({ attribute, site, similarity, low, high, p, pAny }) => [
              attribute,
              site,
              similarity,
              low ?? "–",
              high ?? "–",
              p,
              pAny,
            ]),
          }),
        ];
  const found: Block[] =
    neurons.length === 0
      ? []
      : [
          table({
            caption: "Neurons whose distances follow an attribute",
            columns: [
              { name: "attribute" },
              { name: "q ≤ 0.05" },
              { name: "beyond the best by chance" },
              { name: "best" },
            ],
            rows: neurons.map(({ attribute, discoveries, beyondChance, top }) => [
              attribute,
              discoveries,
              beyondChance,
              top.slice(0, 5).map(neuronText).join(", "),
            ]),
          }),
          plotLayers(Object.fromEntries(neurons.map(({ attribute, top }) => [attribute, top])), {
            title: "Best neurons by layer",
            layers,
          }),
        ];
  return report({
    title,
    sections: [
      {
        title: "Similarity of concepts",
        blocks: [
          sentences.filter((text) => text !== "").join(" "),
          plotSimilarity(probe),
          plotMap(mapConditions(probe.similarity)),
        ],
      },
      { title: "What explains it", blocks: similarities },
      {
        title: "Neurons",
        blocks: [
          ...found,
          table({
            caption: "Neurons that tell a concept from all others (d′ over texts)",
            columns: [{ name: "concept" }, { name: "best" }],
            rows: Object.entries(probe.concepts).map(([name, top]) => [
              name,
              top.slice(0, 5).map(neuronText).join(", "),
            ]),
          }),
        ],
      },
    ],
  });
}
