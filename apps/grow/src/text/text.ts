/**
 * The text that saplings grow on, from packages to numbers: reads every corpus, holds a part of each back, takes the pieces
 * of the teacher's vocabulary that the rest needs, and stores all of it as pieces in the cache, where later runs find it.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Tokenizer } from "@cambium/models";
import { isHeld } from "@cambium/tasks/real";
import { type Corpus, type Domain, readCorpora } from "./corpora/index.ts";
import { SPECIAL_PIECES } from "./special-pieces.ts";
import { teacherTokenizer } from "./teacher.ts";
import { takeVocabulary } from "./vocabulary.ts";

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
  /** The teacher's id of each piece. */
  readonly teacherIds: readonly number[];
  readonly corpora: readonly CorpusRecord[];
  /** Training pieces of a domain's corpora, documents separated by `[SEP]`. */
  train(domain: Domain): Promise<Uint16Array>;
  /** Held-out pieces of one corpus. */
  held(corpus: string): Promise<Uint16Array>;
  /** Held-out documents of one corpus. */
  heldDocuments(corpus: string): Promise<readonly string[]>;
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

async function prepare(folder: string, teacher: string, report: (line: string) => void): Promise<void> {
  const corpora = await readCorpora(join(folder, "debian"));
  const trainDocuments = (corpus: Corpus): string[] => corpus.documents.filter((_, i) => !isHeld(i));
  report(`read ${corpora.map(({ name }) => name).join(", ")}`);
  const { tokenizer, files, teacherIds } = takeVocabulary(
    await teacherTokenizer(teacher),
    corpora.flatMap(trainDocuments),
    { size: VOCABULARY_SIZE, leastCharacterCount: 50 },
  );
  report(`took a vocabulary of ${tokenizer.vocabularySize} pieces`);
  const records: CorpusRecord[] = [];
  for (const corpus of corpora) {
    const { documents, ...about } = corpus;
    const train = encodeDocuments(trainDocuments(corpus), tokenizer);
    const heldDocuments = documents.filter((_, i) => isHeld(i));
    const held = encodeDocuments(heldDocuments, tokenizer);
    await writeFile(join(folder, `${corpus.name}.held.json`), JSON.stringify(heldDocuments));
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
  const { vocabularySize } = tokenizer;
  await writeFile(
    join(folder, "text.json.new"),
    JSON.stringify({ files, vocabularySize, teacherIds, corpora: records }),
  );
  await rename(join(folder, "text.json.new"), join(folder, "text.json")); // last: its presence says that all is there
}

/**
 * The text in the cache, prepared first when it is not there.
 *
 * @param folder - The cache.
 * @param teacher - Folder of the teacher, whose vocabulary it is.
 * @param report - Called with a line for each stage.
 */
export async function openText(folder: string, teacher: string, report: (line: string) => void): Promise<Text> {
  type Stored = Pick<Text, "files" | "vocabularySize" | "teacherIds" | "corpora">;
  const load = async (): Promise<Stored> => {
    const stored = JSON.parse(await readFile(join(folder, "text.json"), "utf8")) as Partial<Stored>;
    if (stored.teacherIds === undefined) throw new Error("a text of an older form");
    return stored as Stored;
  };
  await mkdir(folder, { recursive: true });
  const { files, vocabularySize, teacherIds, corpora } = await load().catch(async () => {
    await prepare(folder, teacher, report);
    return load();
  });
  return {
    files,
    vocabularySize,
    teacherIds,
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
    heldDocuments: async (corpus) =>
      JSON.parse(await readFile(join(folder, `${corpus}.held.json`), "utf8")) as string[],
  };
}
