import { expect, test } from "vitest";
import * as z from "zod";
import { add } from "./agent/agent.fixture.ts";
import { real, virtual } from "./agent/environment.ts";
import { perceiver } from "./agent/perceiver.ts";
import { dfsdt } from "./agent/planners/dfsdt.ts";
import { planFirst } from "./agent/planners/plan-first.ts";
import { program } from "./agent/planners/program.ts";
import { react } from "./agent/planners/react.ts";
import { runAgent } from "./agent/run-agent.ts";
import { agent } from "./agent/solver.ts";
import { fromAiSdkTools } from "./ai-sdk/from-ai-sdk-tools.ts";
import { toAiSdkTools } from "./ai-sdk/to-ai-sdk-tools.ts";
import { wolframAlpha } from "./baselines/calculator.ts";
import { bfcl } from "./benchmarks/bfcl/solver.ts";
import { modelJudge } from "./benchmarks/judged/judge.ts";
import { measurePassRate, measureWinRate } from "./benchmarks/judged/rates.ts";
import { multiTurn } from "./benchmarks/multi-turn/solver.ts";
import { preferenceRows, trainingRow } from "./export/training-rows.ts";
import { connectMcp } from "./mcp/connect-mcp.ts";
import { mcpOAuth } from "./mcp/oauth.ts";
import { serveMcp } from "./mcp/serve-mcp.ts";
import { openApiTools } from "./openapi/open-api-tools.ts";
import { parseMath } from "./readers/math.ts";
import { parseTabMwp } from "./readers/tab-mwp.ts";
import { denseRetriever } from "./retrieval/dense-retriever.ts";
import { fusedRetriever } from "./retrieval/fused-retriever.ts";
import { lexicalRetriever } from "./retrieval/lexical-retriever.ts";
import { callTool } from "./tools/call-tool.ts";
import { defineTool } from "./tools/define-tool.ts";
import { withBreaker } from "./tools/with-breaker.ts";
import { withCache } from "./tools/with-cache.ts";
import { traceRun } from "./tracing/trace-run.ts";
import { transferReport } from "./transfer/transfer-report.ts";

const empty = lexicalRetriever([]);

test.each<[caller: string, call: () => unknown, meant: string]>([
  ["parseMath", () => parseMath("", { numberOnly: true } as never), "numbersOnly"],
  ["parseTabMwp", () => parseTabMwp("", { numberOnly: true } as never), "numbersOnly"],
  ["transferReport", () => transferReport([], { titel: "A" } as never), "title"],
  ["agent", () => agent({ planer: react() } as never), "planner"],
  ["bfcl", () => bfcl({ modl: undefined } as never), "model"],
  ["connectMcp", () => connectMcp({ command: "x" }, { nmae: "x" } as never), "name"],
  ["fromAiSdkTools", () => fromAiSdkTools({}, { efects: {} } as never), "effects"],
  ["mcpOAuth", () => mcpOAuth({ redirectUri: "x" } as never), "redirectUrl"],
  ["measurePassRate", () => measurePassRate([], {} as never, { vote: 2 } as never), "votes"],
  ["measureWinRate", () => measureWinRate([], {} as never, { vote: 2 } as never), "votes"],
  ["modelJudge", () => modelJudge({ modl: undefined } as never), "model"],
  ["multiTurn", () => multiTurn({ planer: react() } as never), "planner"],
  ["openApiTools", () => openApiTools({}, { name: "x", servr: "x" } as never), "server"],
  ["preferenceRows", () => preferenceRows({} as never, { sytem: "x" } as never), "system"],
  ["serveMcp", () => serveMcp([], { name: "x", vers: "x", polcy: 1 } as never), "policy"],
  ["toAiSdkTools", () => toAiSdkTools([], { polcy: 1 } as never), "policy"],
  ["traceRun", () => traceRun((async function* () {})(), { tracr: 1 } as never).next(), "tracer"],
  ["trainingRow", () => trainingRow({} as never, { sytem: "x" } as never), "system"],
  ["callTool", () => callTool(add, {}, { signl: undefined } as never), "signal"],
  ["defineTool", () => defineTool({ descripton: "x", input: z.strictObject({}) } as never), "description"],
  ["denseRetriever", () => denseRetriever([], { embd: () => [] } as never), "embed"],
  ["dfsdt", () => dfsdt({ widht: 3 } as never), "width"],
  ["fusedRetriever", () => fusedRetriever(empty, empty, { wieght: 0.5 } as never), "weight"],
  ["lexicalRetriever", () => lexicalRetriever([], { sentences: 1 } as never), "sentence"],
  ["perceiver", () => perceiver({ charactres: 500 } as never), "characters"],
  ["planFirst", () => planFirst({ replan: 2 } as never), "replans"],
  ["program", () => program({ sandbx: undefined } as never), "sandbox"],
  ["react", () => react({ turn: 3 } as never), "turns"],
  ["real", () => real({ restor: () => {} } as never), "restore"],
  ["runAgent", () => runAgent({ planer: react() } as never, { instruction: "x" }).next(), "planner"],
  ["virtual", () => virtual({ stat: () => 1 } as never), "state"],
  ["withBreaker", () => withBreaker({} as never, { failure: 3 } as never), "failures"],
  ["withCache", () => withCache({} as never, { maxAge: 3 } as never), "maxAgeMs"],
  ["wolframAlpha", () => wolframAlpha({ appID: "a" } as never), "appId"],
])("%s refuses a misspelt option and names the one that was meant", async (caller, call, meant) => {
  const called = (async () => call())();
  await expect(called).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(`is "${meant}" meant?`),
  });
  await expect(called).rejects.toThrow(caller);
});
