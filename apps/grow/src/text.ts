/**
 * The text that saplings grow on, from packages to numbers: reads every corpus, holds a part of each back, trains the
 * vocabulary on the rest, and stores all of it as pieces in the cache, where later runs find it.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { result } from "@cambium/base";
import { type Tokenizer, trainWordPiece } from "@cambium/models";
import { isHeld } from "@cambium/tasks/real";
import { type Corpus, type Domain, readCorpora } from "./corpora/index.ts";
import { SPECIAL_PIECES } from "./special-pieces.ts";

/** Pieces in the vocabulary. */
export const VOCABULARY_SIZE = 8000;

/** What is known of a corpus once it is prepared. */
export interface CorpusRecord extends Omit<Corpus, "documents"> {
  readonly documentCount: number;
  /** SHA-256 of the documents as read. */
  readonly sha256: string;
  readonly trainPieces: number;
  readonly heldPieces: number;
}

/** Prepared text. */
export interface Text {
  /** The tokenizer's files: contents by name. */
  readonly files: Readonly<Record<string, string>>;
  readonly vocabularySize: number;
  readonly corpora: readonly CorpusRecord[];
  /** Training pieces of a domain's corpora, documents separated by `[SEP]`. */
  train(domain: Domain): Promise<Uint16Array>;
  /** Held-out pieces of one corpus. */
  held(corpus: string): Promise<Uint16Array>;
}

function encodeDocuments(documents: readonly string[], { pieces }: Tokenizer): Uint16Array {
  const separator = SPECIAL_PIECES.indexOf("[SEP]");
  return Uint16Array.from(documents.flatMap((document) => [...pieces(document), separator]));
}

function hashDocuments(documents: readonly string[]): string {
  const hash = createHash("sha256");
  for (const document of documents) hash.update(document).update("\0");
  return hash.digest("hex");
}

async function readPieces(path: string): Promise<Uint16Array> {
  const bytes = await readFile(path);
  return new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

async function prepare(folder: string, report: (line: string) => void): Promise<void> {
  const corpora = await readCorpora(join(folder, "debian"));
  const trainDocuments = (corpus: Corpus): string[] => corpus.documents.filter((_, i) => !isHeld(i));
  report(`read ${corpora.map(({ name }) => name).join(", ")}`);
  const { tokenizer } = await result(
    trainWordPiece(corpora.flatMap(trainDocuments), { size: VOCABULARY_SIZE, leastCharacterCount: 50 }),
  );
  report(`trained a vocabulary of ${tokenizer.vocabularySize} pieces`);
  const records: CorpusRecord[] = [];
  for (const corpus of corpora) {
    const { documents, ...about } = corpus;
    const train = encodeDocuments(trainDocuments(corpus), tokenizer);
    const held = encodeDocuments(
      documents.filter((_, i) => isHeld(i)),
      tokenizer,
    );
    await writeFile(join(folder, `${corpus.name}.train.bin`), train);
    await writeFile(join(folder, `${corpus.name}.held.bin`), held);
    records.push({
      ...about,
      documentCount: documents.length,
      sha256: hashDocuments(documents),
      trainPieces: train.length,
      heldPieces: held.length,
    });
    report(`${corpus.name}: ${train.length} pieces to train on, ${held.length} held back`);
  }
  const files = Object.fromEntries(
    Array.from(tokenizer.files, ([name, bytes]) => [name, new TextDecoder().decode(bytes)]),
  );
  const { vocabularySize } = tokenizer;
  await writeFile(join(folder, "text.json.new"), JSON.stringify({ files, vocabularySize, corpora: records }));
  await rename(join(folder, "text.json.new"), join(folder, "text.json")); // last: its presence says that all is there
}

/**
 * The text in the cache, prepared first when it is not there.
 *
 * @param folder - The cache.
 * @param report - Called with a line for each stage.
 */
export async function openText(folder: string, report: (line: string) => void): Promise<Text> {
  type Stored = Pick<Text, "files" | "vocabularySize" | "corpora">;
  const load = async (): Promise<Stored> => {
    const stored = JSON.parse(await readFile(join(folder, "text.json"), "utf8")) as Partial<Stored>;
    if (stored.files === undefined) throw new Error("a text of an older form");
    return stored as Stored;
  };
  await mkdir(folder, { recursive: true });
  const { files, vocabularySize, corpora } = await load().catch(async () => {
    await prepare(folder, report);
    return load();
  });
  return {
    files,
    vocabularySize,
    corpora,
    async train(domain) {
      const streams = await Promise.all(
        corpora
          .filter((corpus) => corpus.domain === domain)
          .map(({ name }) => readPieces(join(folder, `${name}.train.bin`))),
      );
      const all = new Uint16Array(streams.reduce((sum, stream) => sum + stream.length, 0));
      let at = 0;
      for (const stream of streams) {
        all.set(stream, at);
        at += stream.length;
      }
      return all;
    },
    held: (corpus) => readPieces(join(folder, `${corpus}.held.bin`)),
  };
}
