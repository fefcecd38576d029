import { canonicalJson, sha256 } from "@cambium/base";
import { type Reduction, runCapture } from "@cambium/emotion-probing";
import { Command, Option } from "commander";
import type { Io } from "../io.ts";
import { UseError } from "../io.ts";
import { addOpenFlags, type OpenFlags, withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { INPUT_OPTION, inGroups, readTexts } from "../models/texts.ts";
import { parseCount } from "./parse-count.ts";
import { manifestOf, modelMark, openOut, writeResult } from "./probe-files.ts";

interface CaptureFlags extends OpenFlags {
  readonly input?: string;
  readonly sites: string;
  readonly at?: Reduction;
  readonly batch: number;
  readonly dtype: "F32" | "F16";
  readonly out: string;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium probe capture models/minilm --input texts.txt --sites ff.act --at mean --out runs/activations
A run that was stopped resumes with the same command.`;

/** `cambium probe capture`: activations of texts, in files. */
export function probeCapture(io: Io): Command {
  const command = new Command("capture")
    .description("Write activations of texts into safetensors files, one vector for each text and site.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[texts...]", "texts to read");
  return addOpenFlags(command)
    .option(...INPUT_OPTION)
    .option("--sites <names>", "sites, as ff.act or L3.ffn.act,blocks.3.hook_resid_post", "ff.act")
    .addOption(
      new Option("--at <token>", "what of a text is read (default: mask where there is one, else mean)").choices([
        "last",
        "first",
        "mask",
        "mean",
        "max",
      ]),
    )
    .addOption(new Option("--dtype <type>", "how numbers are stored").choices(["F32", "F16"]).default("F32"))
    .option("--batch <number>", "texts in a pass", parseCount, 32)
    .requiredOption("--out <folder>", "where the files go")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, given: readonly string[], flags: CaptureFlags) => {
      const texts: string[] = [];
      for await (const group of inGroups(readTexts(io, "probe capture", given, flags.input), 1024)) {
        for (const { text, pair } of group) {
          if (pair !== undefined) throw new UseError("probe capture: a row has a pair; one text is read at a time");
          texts.push(text);
        }
      }
      await openOut("probe capture", flags.out, "capture");
      await withModel(io, "probe capture", name, flags, async (opened) => {
        const { base, tuned, tokenizer } = opened;
        const options = {
          sites: flags.sites.split(",").map((site) => site.trim()),
          to: flags.out,
          dtype: flags.dtype,
          batchSize: flags.batch,
          signal: io.signal,
          ...(flags.at !== undefined && { at: flags.at }),
        };
        for await (const event of runCapture(tuned ?? base, tokenizer, texts, options)) {
          if (event.type === "batch") {
            io.live?.(`${event.done} of ${event.total} texts`);
            continue;
          }
          const { sites, at, dtype, batch } = flags;
          const manifest = manifestOf(
            "probe capture",
            { sites, at, dtype, batch },
            { model: await modelMark(name, flags, opened), data: sha256(canonicalJson(texts)) },
          );
          await writeResult(flags.out, "capture", manifest, { done: event.done, total: event.total });
          if (flags.json === true) io.out(JSON.stringify({ ...event, out: flags.out }));
          else io.out(`${event.done} of ${event.total} texts in ${flags.out}`);
        }
      });
    });
}
