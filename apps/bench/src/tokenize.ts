/** `pnpm bench:tokenize`: text to tokens and back, against `@huggingface/tokenizers`, taking turns in one process. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { createTokenizer } from "@cambium/models";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { spreadOf } from "./processes.ts";

const HELP = `usage: pnpm bench:tokenize --texts FILE [options] tokenizer.json…

Prints JSON lines: the machine, then for each tokenizer.json and task the milliseconds of each side, and our time over
theirs, as the median of the rounds' ratios with their spread. Both sides must give equal ids, else that is an error.

  --texts FILE      a text, which is cut into pieces of 300 characters
  --count N         pieces at most (default 3000)
  --rounds N        rounds (default 7; one more before them is not counted)
  --opponent DIR    folder into which @huggingface/tokenizers was installed; without it, only our time is measured
`;

const { values, positionals } = parseFlags({
  allowPositionals: true,
  options: {
    texts: { type: "string" },
    count: { type: "string", default: "3000" },
    rounds: { type: "string", default: "7" },
    opponent: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.texts === undefined || positionals.length === 0) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

interface Library {
  readonly Tokenizer: new (
    json: unknown,
    config: unknown,
  ) => {
    encode(text: string): { readonly ids: number[] };
    decode(ids: readonly number[], options: object): string;
  };
}

async function loadOpponent(folder: string): Promise<Library> {
  return createRequire(join(resolve(folder), "package.json"))("@huggingface/tokenizers") as Library;
}

const whole = readFileSync(values.texts, "utf8");
const texts = Array.from({ length: Number(values.count) }, (_, i) => whole.slice(300 * i, 300 * i + 300)).filter(
  (text) => text.length === 300,
);
const library = values.opponent === undefined ? undefined : await loadOpponent(values.opponent);

function time(task: () => void): number {
  const start = performance.now();
  task();
  return performance.now() - start;
}

console.log(JSON.stringify(describeMachine("tokenize")));
for (const path of positionals) {
  const json: unknown = JSON.parse(readFileSync(path, "utf8"));
  const tokenizer = basename(path) === "tokenizer.json" ? basename(dirname(resolve(path))) : basename(path, ".json");
  const ours = createTokenizer(json);
  const theirs = library && new library.Tokenizer(json, {});
  const ids = texts.map((text) => ours.encode(text).ids);
  const wrong = theirs === undefined ? -1 : texts.findIndex((text, i) => `${theirs.encode(text).ids}` !== `${ids[i]}`);
  if (wrong >= 0) throw new Error(`${path}: text ${wrong} has other ids there`);
  const tasks = {
    load: [() => createTokenizer(json), library && (() => new library.Tokenizer(json, {}))],
    encode: [() => texts.map((text) => ours.encode(text)), theirs && (() => texts.map((text) => theirs.encode(text)))],
    decode: [
      () => ids.map((each) => ours.decode(each)),
      theirs && (() => ids.map((each) => theirs.decode(each, { skip_special_tokens: true }))),
    ],
  } as const;
  for (const [task, [mine, other]] of Object.entries(tasks)) {
    const rounds = Array.from(
      { length: Number(values.rounds) + 1 },
      () => [time(mine), other ? time(other) : Number.NaN] as const,
    ).slice(1);
    const compared = other && {
      theirs: spreadOf(rounds.map(([, b]) => b)),
      ratio: spreadOf(rounds.map(([a, b]) => a / b)),
    };
    const ms = spreadOf(rounds.map(([a]) => a));
    console.log(
      JSON.stringify({
        bench: "tokenize",
        tokenizer,
        task,
        texts: texts.length,
        tokens: ids.flat().length,
        ms,
        ...compared,
      }),
    );
  }
}
