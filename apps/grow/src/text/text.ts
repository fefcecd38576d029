/**
 * The text that saplings grow on, from packages to numbers: reads every corpus, holds a part of each back, makes a vocabulary for the
 * rest, and stores all of it as pieces in the cache, where later runs find it.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Tokenizer } from "@cambium/models";
import { isHeld } from "@cambium/tasks/real";
import { type Corpus, type Domain, readCorpora } from "./corpora/index.ts";

/** Pieces in every vocabulary. */
export const VOCABULARY_SIZE = 8000;

/** What is known of a corpus once it is prepared. */
export interface CorpusRecord extends Omit<Corpus, "documents"> {
  readonly documentCount: number;
  /** SHA-256 of the documents as read. */
  readonly sha256: string;
  readonly trainPieces: number;
  readonly heldPieces: number;
}

/** How text becomes pieces. */
export interface Vocabulary {
  readonly tokenizer: Tokenizer;
  /** The tokenizer's files: contents by name. */
  readonly files: Readonly<Record<string, string>>;
  /** The piece that stands between documents. */
  readonly separator: number;
  /** A teacher's id of each piece, where it has them. */
  readonly teacherIds?: readonly number[];
}

/** Prepared text. */
export interface Text extends Pick<Vocabulary, "files" | "teacherIds"> {
  readonly vocabularySize: number;
  readonly corpora: readonly CorpusRecord[];
  /** Training pieces of the corpora of some domains, with the separator between documents. */
  train(...domains: readonly Domain[]): Promise<Uint16Array>;
  /** Held-out pieces of one corpus. */
  held(corpus: string): Promise<Uint16Array>;
  /** Held-out documents of one corpus. */
  heldDocuments(corpus: string): Promise<readonly string[]>;
}

/** Where text is kept, and what its vocabulary is made by. */
export interface TextOptions {
  /** Folder of the prepared text. */
  readonly folder: string;
  /** Folder into which Debian's packages are fetched. */
  readonly debian: string;
  readonly makeVocabulary: (documents: readonly string[]) => Vocabulary | Promise<Vocabulary>;
  /** Whether text that is there serves. @default any does */
  readonly isUsable?: (text: Pick<Text, "teacherIds">) => boolean;
  /** Called with a line for each stage. */
  readonly report: (line: string) => void;
}

function encodeDocuments(documents: readonly string[], { tokenizer, separator }: Vocabulary): Uint16Array {
  return Uint16Array.from(documents.flatMap((document) => [...tokenizer.pieces(document), separator]));
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

async function prepare({ folder, debian, makeVocabulary, report }: TextOptions): Promise<void> {
  const corpora = await readCorpora(debian);
  const trainDocuments = (corpus: Corpus): string[] => corpus.documents.filter((_, i) => !isHeld(i));
  report(`read ${corpora.map(({ name }) => name).join(", ")}`);
  const vocabulary = await makeVocabulary(corpora.flatMap(trainDocuments));
  const { vocabularySize } = vocabulary.tokenizer;
  report(`the vocabulary has ${vocabularySize} pieces`);
  const records: CorpusRecord[] = [];
  for (const corpus of corpora) {
    const { documents, ...about } = corpus;
    const train = encodeDocuments(trainDocuments(corpus), vocabulary);
    const heldDocuments = documents.filter((_, i) => isHeld(i));
    const held = encodeDocuments(heldDocuments, vocabulary);
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
  const { files, teacherIds } = vocabulary;
  await writeFile(
    join(folder, "text.json.new"),
    JSON.stringify({ files, vocabularySize, teacherIds, corpora: records }),
  );
  await rename(join(folder, "text.json.new"), join(folder, "text.json")); // last: its presence says that all is there
}

function joinStreams(streams: readonly Uint16Array[]): Uint16Array {
  const all = new Uint16Array(streams.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const stream of streams) {
    all.set(stream, at);
    at += stream.length;
  }
  return all;
}

/** The text in the cache, prepared first when it is not there. */
export async function openText(options: TextOptions): Promise<Text> {
  const { folder, isUsable = () => true } = options;
  type Stored = Pick<Text, "files" | "vocabularySize" | "teacherIds" | "corpora">;
  const load = async (): Promise<Stored | undefined> => {
    const stored = await readFile(join(folder, "text.json"), "utf8").catch(() => undefined);
    return stored === undefined ? undefined : (JSON.parse(stored) as Stored);
  };
  await mkdir(folder, { recursive: true });
  let stored = await load();
  if (stored === undefined || !isUsable(stored)) {
    await prepare(options);
    stored = (await load())!;
  }
  const { corpora } = stored;
  return {
    ...stored,
    async train(...domains) {
      const own = corpora.filter(({ domain }) => domains.includes(domain));
      return joinStreams(await Promise.all(own.map(({ name }) => readPieces(join(folder, `${name}.train.bin`)))));
    },
    held: (corpus) => readPieces(join(folder, `${corpus}.held.bin`)),
    heldDocuments: async (corpus) =>
      JSON.parse(await readFile(join(folder, `${corpus}.held.json`), "utf8")) as string[],
  };
}
