import { readFile } from "node:fs/promises";
import { embed } from "@cambium/models";
import {
  type AnyTool,
  denseRetriever,
  fusedRetriever,
  lexicalRetriever,
  type Retriever,
  type ToolDocument,
} from "@cambium/tool-learning";
import { toolbox } from "@cambium/toolbox";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { addKitFlags, type KitFlags, kitsOf } from "./kit-flags.ts";
import { parseCount } from "./parse-count.ts";

interface RetrieveFlags extends KitFlags {
  readonly tools?: string;
  readonly count: number;
  readonly embed?: string;
  readonly weight?: number;
  readonly json?: true;
}

type Documents = readonly (AnyTool | ToolDocument)[];

const EXAMPLE = `
Example, among the bundled tools, by words:
  $ cambium tools retrieve "How warm will it be tomorrow?"
Example, among tools of yours, by words and by the vectors of an embedding model:
  $ cambium tools retrieve "Book a table" --tools apis.jsonl --embed models/minilm --weight 0.4 --count 10`;

function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("It must be a number from 0 to 1.");
}

const KEYS = ["name", "title", "description", "category", "group", "parameters", "examples"];

const isText = (value: unknown): boolean => typeof value === "string";
const isParameter = (value: unknown): boolean => {
  const { name, description } = (value ?? {}) as { readonly name?: unknown; readonly description?: unknown };
  return isText(name) && (description === undefined || isText(description));
};
const isListOf =
  (isItem: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(isItem);

/** A line of the file, as a document. */
function documentIn(line: string, place: string): ToolDocument {
  const wrong = (why: string): UseError => new UseError(`tools retrieve: ${place} ${why}`);
  let value: Partial<ToolDocument> | null;
  try {
    value = JSON.parse(line) as Partial<ToolDocument> | null;
  } catch {
    throw wrong("is no JSON");
  }
  if (typeof value?.name !== "string" || typeof value.description !== "string")
    throw wrong("needs a name and a description, which are texts");
  const other = Object.keys(value).find((key) => !KEYS.includes(key));
  if (other !== undefined) throw wrong(`has the key "${other}"; known are ${KEYS.join(", ")}`);
  const kinds = {
    title: isText,
    category: isText,
    group: isText,
    parameters: isListOf(isParameter),
    examples: isListOf(isText),
  };
  const odd = Object.entries(kinds).find(([key, isKind]) => {
    const given = value[key as keyof ToolDocument];
    return given !== undefined && !isKind(given);
  });
  if (odd !== undefined) throw wrong(`has a wrong "${odd[0]}": ${JSON.stringify(value[odd[0] as keyof ToolDocument])}`);
  return value as ToolDocument;
}

async function documentsIn(path: string): Promise<readonly ToolDocument[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new UseError(`tools retrieve: ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const lines = text.split("\n").map((line, i) => [line, `line ${i + 1} of ${path}`] as const);
  const documents = lines.filter(([line]) => line.trim() !== "").map(([line, place]) => documentIn(line, place));
  if (documents.length === 0) throw new UseError(`tools retrieve: ${path} holds no tools`);
  return documents;
}

/** `cambium tools retrieve`: the tools that a request needs. */
export function retrieve(io: Io): Command {
  const command = new Command("retrieve")
    .description("Find the tools that a request needs, among many.")
    .argument("<request>", "what is to be done");
  return addKitFlags(command)
    .option(
      "--tools <file>",
      "tools of yours in place of the kits: lines of JSON with name, description, and perhaps title, category, group, parameters, examples",
    )
    .option("--count <number>", "tools that are found at most", parseCount, 5)
    .option("--embed <model>", `search by vectors as well: ${MODEL_ARGUMENT}`)
    .addOption(
      new Option("--weight <share>", "share of the vectors in the ranking (default: 0.5)").argParser(parseShare),
    )
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (request: string, flags: RetrieveFlags) => {
      const { tools: file, count, embed: model, weight, kits, json } = flags;
      if (request.trim() === "") throw new UseError("tools retrieve: the request is empty");
      if (file !== undefined && kits !== undefined)
        throw new UseError("tools retrieve: --tools takes the place of the kits; leave out --kits");
      if (weight !== undefined && model === undefined)
        throw new UseError("tools retrieve: --weight is of vectors; name the model that makes them by --embed");
      const box = file === undefined ? toolbox({ ...kitsOf(flags), seed: flags.world }) : undefined;
      const documents: Documents = box === undefined ? await documentsIn(file!) : box.tools;
      const about = new Map(documents.map(({ name, description }) => [name, description]));
      const show = async (retriever: Retriever): Promise<void> => {
        const found = await retriever.search(request, { count });
        if (found.length === 0 && !json) io.error("nothing was found; use other words");
        for (const { name, score } of found) {
          if (json) io.out(JSON.stringify({ name, score, description: about.get(name) }));
          else io.out(`${score.toFixed(3)}  ${name}: ${about.get(name)}`);
        }
      };
      try {
        const lexical = lexicalRetriever(documents);
        if (model === undefined) return await show(lexical);
        await withModel(io, "tools retrieve", model, {}, async ({ base, tokenizer }) => {
          const dense = await denseRetriever(documents, {
            embed: (texts) => embed(base, tokenizer, [...texts], { pooling: "mean", normalise: true }),
          });
          await show(fusedRetriever(lexical, dense, weight === undefined ? {} : { weight }));
        });
      } finally {
        await box?.close();
      }
    });
}
