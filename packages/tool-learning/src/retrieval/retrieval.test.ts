import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { calls, outline, play } from "../agent/agent.fixture.ts";
import { defineTool } from "../tools/define-tool.ts";
import { denseRetriever } from "./dense-retriever.ts";
import { fitWeight, fusedRetriever } from "./fused-retriever.ts";
import { lexicalRetriever } from "./lexical-retriever.ts";
import { measureRetrieval, ndcgAt } from "./measure-retrieval.ts";
import { rank, type ScoringRetriever } from "./ranking.ts";
import type { ToolDocument } from "./tool-document.ts";

const documents: readonly ToolDocument[] = [
  {
    name: "get_forecast",
    description: "Weather of the next days.",
    group: "weather",
    parameters: [{ name: "city", description: "Where" }],
  },
  { name: "get_history", description: "Weather of the past.", group: "weather" },
  {
    name: "searchFilms",
    description: "Finds films by title.",
    category: "media",
    examples: ["who plays in Metropolis"],
  },
  { name: "convert", description: "Converts currencies.", category: "finance" },
];
const names = (found: readonly { readonly name: string }[]): readonly string[] => found.map(({ name }) => name);

describe("search by words", () => {
  const retriever = lexicalRetriever(documents);

  test.each([
    ["weather of the coming days", "get_forecast"],
    ["past weather", "get_history"],
    ["search for a film", "searchFilms"],
    ["metropolis", "searchFilms"],
    ["converting a currency", "convert"],
  ])("finds for %j the tool %s", (query, name) => {
    expect(retriever.search(query, { count: 1 })).toMatchObject([{ name }]);
  });

  test("serves several needs of one request", () => {
    const request = "Tell me the weather of the next days in Oslo. Also, I would like to see films by title.";
    expect(names(retriever.search(request, { count: 3 }))).toEqual(
      expect.arrayContaining(["get_forecast", "searchFilms"]),
    );
  });

  test("leaves out what has nothing in common with the request, and what may not be found", () => {
    expect(retriever.search("xylophone")).toEqual([]);
    expect(retriever.search("")).toEqual([]);
    expect(names(retriever.search("weather", { filter: (name) => name !== "get_forecast" }))).toEqual(["get_history"]);
  });

  test("takes tools, by their schemas and examples", () => {
    const tool = defineTool({
      name: "route",
      description: "Finds a way.",
      input: z.strictObject({ start: z.string().describe("Place of departure") }),
      effects: "reads",
      examples: [{ instruction: "how do I get to the harbour", input: { start: "here" } }],
      run: () => 1,
    });
    expect(names(lexicalRetriever([tool, ...documents]).search("departure"))).toEqual(["route"]);
    expect(names(lexicalRetriever([tool, ...documents]).search("harbour"))).toEqual(["route"]);
  });

  test("refuses two tools of one name", () => {
    expect(() => lexicalRetriever([documents[0]!, documents[0]!])).toThrow('two tools have the name "get_forecast"');
  });
});

test("the best are the first of a full sort", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -2, max: 6 })), fc.integer({ min: 1, max: 8 }), (scores, count) => {
      const all = scores.map((score, i) => ({ name: `${i}`, score }));
      const sorted = all
        .filter(({ score }) => score > 0)
        .sort((a, b) => b.score - a.score)
        .slice(0, count);
      expect(rank(names(all), Float64Array.from(scores), { count })).toEqual(sorted);
    }),
  );
});

describe("search by meaning", () => {
  /** Vectors by hand: weather, media, money. */
  const meaning = (text: string): number[] => [
    /weather|rain/i.test(text) ? 2 : 0,
    /film|movie/i.test(text) ? 2 : 0,
    /currenc|money/i.test(text) ? 2 : 0,
    0.1,
  ];
  const embed = (texts: readonly string[]) => texts.map(meaning);

  test("goes by the cosine of vectors, from a function or a model of the AI SDK", async () => {
    const model = {
      modelId: "m",
      maxEmbeddingsPerCall: 3,
      doEmbed: async ({ values }: { values: string[] }) => ({ embeddings: values.map(meaning) }),
    };
    for (const each of [embed, model]) {
      const retriever = await denseRetriever(documents, { embed: each });
      const [best] = await retriever.search("a movie", { count: 1 });
      expect(best!.name).toBe("searchFilms");
      expect(best!.score).toBeCloseTo(2, 5); // of the whole request, and of its only sentence
    }
  });

  test.each([
    [
      "of different lengths",
      (texts: readonly string[]) => texts.map((_, i) => Array.from({ length: i + 1 }, () => 1)),
      "SHAPE",
    ],
    ["that are not finite", (texts: readonly string[]) => texts.map(() => [Number.NaN]), "SHAPE"],
    ["fewer than texts", () => [[1]], "CONFIG"],
  ])("refuses vectors %s", async (_, bad, code) => {
    await expect(denseRetriever(documents, { embed: bad })).rejects.toMatchObject({ code });
  });

  test("and by words are fused by a weight that is fitted", async () => {
    const lexical = lexicalRetriever(documents);
    const dense = await denseRetriever(documents, { embed });
    const rows = [
      { query: "rain", relevant: ["get_forecast"] },
      { query: "title", relevant: ["searchFilms"] },
    ];
    const weight = await fitWeight(lexical, dense, rows);
    const fused = fusedRetriever(lexical, dense, { weight });
    expect(await measureRetrieval(fused, rows)).toMatchObject({ ndcgAt1: 1, recallAt5: 1 });
    expect(weight).toBe(0.05); // any share of the vectors finds the rain, and words must lead where vectors are silent
    const other = lexicalRetriever(documents.slice(1));
    expect(() => fusedRetriever(other, dense)).toThrow("same tools");
  });

  test("fused with weight 0 ranks as words do, with weight 1 as vectors do", async () => {
    const lexical = lexicalRetriever(documents);
    const dense = await denseRetriever(documents, { embed });
    for (const query of ["weather and films", "currency"]) {
      const ranked = async (retriever: ScoringRetriever) => names(await retriever.search(query));
      expect(await ranked(fusedRetriever(lexical, dense, { weight: 0 }))).toEqual(await ranked(lexical));
      expect(await ranked(fusedRetriever(lexical, dense, { weight: 1 }))).toEqual(await ranked(dense));
    }
  });
});

test("NDCG is what its formula says", () => {
  // (1/log2(2) + 1/log2(4)) / (1/log2(2) + 1/log2(3)) for hits at 1 and 3 of two relevant ones
  expect(ndcgAt(["a", "x", "b"], ["a", "b"], 5)).toBeCloseTo((1 + 0.5) / (1 + 1 / Math.log2(3)), 12);
  expect(ndcgAt([], ["a"], 5)).toBe(0);
  expect(ndcgAt(["a"], ["a", "b"], 1)).toBe(1);
});

describe("a run over many tools", () => {
  const many = documents.map(({ name, description }) =>
    defineTool({ name, description, input: z.strictObject({}), effects: "reads", run: () => `${name} ran` }),
  );
  const retrieval = { retriever: lexicalRetriever(many), count: 1 };

  test("offers what fits the task, and more when the model searches: behind the others, so that prompts begin alike", async () => {
    const script = [
      { reply: calls(["convert", {}]) },
      { reply: calls(["search_tools", { query: "currencies" }]) },
      { reply: calls(["convert", {}]) },
      { reply: "done" },
    ];
    const played = await play(script, { tools: many, retrieval }, "Find films by title.");
    expect(outline(played.steps)).toBe("retrieval react convert!UNKNOWN_TOOL react search_tools react convert react");
    const offered = played.requests.map(({ tools }) => tools!.map(({ name }) => name));
    expect(offered[0]).toEqual(["search_tools", "read_result", "searchFilms"]);
    expect(offered[2]).toEqual([...offered[0]!, "convert"]);
    const again = await play([], { tools: many, retrieval }, "Find films by title.", { resume: played.steps });
    expect(again.end.answer).toBe("done");
  });

  test("ends with a failure of its kind when the retriever fails", async () => {
    const broken = { name: "broken", search: () => Promise.reject(new Error("no index")) };
    const played = await play([], { tools: many, retrieval: { retriever: broken } });
    expect(played.end).toMatchObject({
      status: "failed",
      failure: { code: "UNAVAILABLE", message: expect.stringContaining("no index") },
    });
  });
});
