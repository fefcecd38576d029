import { canonicalJson, sha256 } from "@cambium/base";
import { attributeUnits, selectUnits, wordIds } from "@cambium/emotion-probing";
import { collate } from "@cambium/models";
import { textTable } from "@cambium/report";
import { dispose, gather, reshape, type Scalar, slice, sub, sum, type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import { Command, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { addOpenFlags, type OpenFlags, withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { parseCount } from "./parse-count.ts";
import { manifestOf, modelMark, neuronName, openOut, writeResult } from "./probe-files.ts";

interface AttributeFlags extends OpenFlags {
  readonly words: string;
  readonly method: "integrated" | "gradient";
  readonly steps?: number;
  readonly top: number;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example, what makes "good" likelier than "evil" at the mask:
  $ cambium probe attribute sapling:bert-4x256 "joy is [MASK] ." --words good,evil
A model that writes is asked for the word after the text.`;

/** `cambium probe attribute`: what each neuron contributes to one word rather than another. */
export function probeAttribute(io: Io): Command {
  const command = new Command("attribute")
    .description("Measure what each neuron contributes to the difference of two words' scores, by gradients.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<text>", "with a mask, or to be continued");
  return addOpenFlags(command)
    .requiredOption("--words <words>", "the word that is wanted and another one, as good,evil; each one token")
    .addOption(
      new Option("--method <name>", "integrated gradients, or gradient times activation")
        .choices(["integrated", "gradient"])
        .default("integrated"),
    )
    .option("--steps <number>", "points of the line from zero (default: 20)", parseCount)
    .option("--top <number>", "neurons that are named", parseCount, 20)
    .option("--out <folder>", "write attribution.json there, with all neurons")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, text: string, flags: AttributeFlags) => {
      const { method, steps, top, out, json } = flags;
      const words = flags.words.split(",").map((word) => word.trim());
      if (words.length !== 2 || words[0] === words[1])
        throw new UseError(`probe attribute: --words must be two different words, as good,evil, got ${flags.words}`);
      if (out !== undefined) await openOut("probe attribute", out, "attribution");
      await withModel(io, "probe attribute", name, flags, async (opened) => {
        const { base, tuned, tokenizer } = opened;
        const kind = base.head?.kind;
        if (kind !== "masked-lm" && kind !== "causal-lm")
          throw new UseError(`probe attribute: ${name} has no head for words; its head is ${kind ?? "none"}`);
        // Behind a space a word of byte pairs holds the space; other tokenizers have the same token for both, and need no space.
        const { mask } = tokenizer.special;
        const before = mask === undefined ? "" : text.split(tokenizer.decode([mask], { skipSpecial: false }))[0]!;
        const isSpaced = kind === "causal-lm" || /\s$/.test(before);
        const idsOf = (word: string): string => tokenizer.encode(word).ids.join();
        const ids = wordIds(
          "probe attribute",
          tokenizer,
          words.map((word) => (isSpaced && idsOf(` ${word}`) !== idsOf(word) ? ` ${word}` : word)),
        );
        const tokens = tokenizer.encode(text).ids;
        const place = kind === "causal-lm" ? tokens.length - 1 : tokens.indexOf(tokenizer.special.mask!);
        if (place < 0) throw new UseError("probe attribute: the text has no mask token");
        const { head: _, ...headless } = base;
        const batch = {
          ...collate(headless, tokenizer, { maxLength: Math.max(3, tokens.length), padTo: [tokens.length] })([
            { text },
          ]),
          ...(kind === "masked-lm" && { positions: tensor1d([place], "int32") }),
        };
        try {
          const found = await attributeUnits(
            tuned ?? base,
            batch,
            ({ logits }) => {
              const vocab = logits!.shape.at(-1)!;
              const scores =
                kind === "masked-lm" ? logits! : reshape(slice(logits!, [0, place, 0], [1, 1, vocab]), [1, vocab]);
              const both = gather(scores, tensor1d([...ids], "int32"), 1);
              return sum(sub(slice(both, [0, 0], [1, 1]), slice(both, [0, 1], [1, 1]))) as Scalar;
            },
            { method, ...(steps !== undefined && { steps }) },
          );
          const total = found.sites.reduce((all, { width }) => all + width, 0);
          const best = selectUnits(found, { top: Math.min(top, total) });
          const { score, baselineScore } = found;
          const summary = { text, words, method, score, baselineScore, total: found.total, top: best };
          if (out !== undefined) {
            const manifest = manifestOf(
              "probe attribute",
              { words, method, steps },
              {
                model: await modelMark(name, flags, opened),
                data: sha256(canonicalJson({ text })),
              },
            );
            const scores = Object.fromEntries([...found.values].map(([path, values]) => [path, [...values]]));
            await writeResult(out, "attribution", manifest, { ...summary, scores });
          }
          if (json === true) return io.out(JSON.stringify(summary));
          io.out(
            `${words[0]} less ${words[1]}: ${score.toFixed(3)}; without the neurons ${baselineScore.toFixed(3)}; attributed ${found.total.toFixed(3)}`,
          );
          io.out(
            textTable({
              columns: [{ name: "neuron" }, { name: "contribution", digits: 4 }],
              rows: best.map((one) => [neuronName(one), one.score]),
            }),
          );
        } finally {
          dispose(Object.values(batch) as Tensor[]);
        }
      });
    });
}
