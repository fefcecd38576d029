/**
 * A library of created tools in one SQLite file. A tool comes in as a draft, with the tests that were recorded when it
 * solved its first question; uses are counted; enough of them, and its tests passed twice, make it verified. Tools that do
 * the same are kept once. Everything that decides is measured by running the tool, never by reading it.
 */
import { randomUUID } from "node:crypto";
import { ConfigError, parseConfig, sha256 } from "@cambium/base";
import type { Database } from "@cambium/base/sqlite";
import { type Clock, systemClock } from "@cambium/llm";
import type { Sandbox } from "@cambium/sandbox";
import * as z from "zod";
import { kitTools } from "../code/kit-tools.ts";
import { toolShape } from "../code/tool-shape.ts";
import { createLexicalIndex } from "../retrieval/lexical-index.ts";
import { openLibraryFile } from "./database.ts";
import { runTests, type Trial, type TriedTool } from "./guest-programs.ts";
import { behaveAlike, probesFor } from "./probes.ts";
import { insertStatements, NEWEST, recordOf, SELECT } from "./rows.ts";
import { signatureOf } from "./schemas.ts";
import type { Added, CheckReport, OpenLibraryOptions, ToolFilter, ToolLibrary } from "./tool-library.ts";
import type { LibraryTool, ToolCandidate, ToolStatus } from "./tool-record.ts";
import type { ToolTest } from "./tool-test.ts";
import { nextVersion } from "./versions.ts";

/** Statuses by default when tools are retrieved for use. */
const USABLE: readonly ToolStatus[] = ["verified", "trusted"];

/** Questions besides the first one that a tool must have solved before it is verified. */
const OTHER_QUESTIONS = 2;

/** Uses from which on a tool that mostly fails is quarantined: the interval must be below one half. */
const USES_TO_JUDGE = 5;

const optionsSchema = z.strictObject({
  sandbox: z.custom<Sandbox>((value) => typeof (value as Sandbox | undefined)?.run === "function", {
    message: "must be a Sandbox, such as quickjs()",
  }),
  limits: z.looseObject({}).optional(),
  clock: z.custom<Pick<Clock, "now">>((value) => typeof (value as Clock | undefined)?.now === "function").optional(),
  createId: z.custom<() => string>((value) => typeof value === "function").optional(),
});

/** Tests of both, each arguments-and-expectation once. */
function mergeTests(a: readonly ToolTest[], b: readonly ToolTest[]): readonly ToolTest[] {
  const keyOf = ({ args, expected, property }: ToolTest): string => JSON.stringify([args, expected, property]);
  return [...new Map([...a, ...b].map((each) => [keyOf(each), each])).values()];
}

class Library implements ToolLibrary {
  readonly #database: Database;
  readonly #trial: Trial;
  readonly #now: () => number;
  readonly #createId: () => string;

  constructor(database: Database, { sandbox, limits, clock = systemClock, createId = randomUUID }: OpenLibraryOptions) {
    this.#database = database;
    this.#trial = { sandbox, ...(limits === undefined ? {} : { limits }) };
    this.#now = () => clock.now();
    this.#createId = createId;
  }

  async list({ statuses, language }: ToolFilter = {}): Promise<readonly LibraryTool[]> {
    const rows = await this.#database.read(`${SELECT} WHERE ${NEWEST} ORDER BY place`);
    return rows
      .map(recordOf)
      .filter((tool) => statuses?.includes(tool.status) ?? true)
      .filter((tool) => language === undefined || tool.language === language);
  }

  async get(idOrName: string): Promise<LibraryTool | undefined> {
    const rows = await this.#database.read({
      sql: `${SELECT} WHERE (id = ? OR name = ?) AND ${NEWEST} ORDER BY id = ? DESC, passed DESC, place LIMIT 1`,
      args: [idOrName, idOrName, idOrName],
    });
    return rows.map(recordOf)[0];
  }

  async history(id: string): Promise<readonly LibraryTool[]> {
    return (await this.#database.read({ sql: `${SELECT} WHERE id = ? ORDER BY place DESC`, args: [id] })).map(recordOf);
  }

  async #need(id: string): Promise<LibraryTool> {
    const tool = await this.get(id);
    if (tool !== undefined) return tool;
    throw new ConfigError({ message: `library: there is no tool "${id}"; list() names those that are there`, id });
  }

  async sourcesOf(tool: LibraryTool): Promise<readonly string[]> {
    const sources = new Map<string, string>();
    const visit = async (each: LibraryTool): Promise<void> => {
      if (sources.has(each.id)) return;
      for (const id of each.dependencies) await visit(await this.#need(id));
      sources.set(each.id, each.source);
    };
    await visit(tool);
    return [...sources.values()];
  }

  async #tried(tool: LibraryTool): Promise<TriedTool> {
    const { language } = this.#trial.sandbox;
    if (tool.language !== language) {
      const message = `library: "${tool.name}" is written in ${tool.language} and cannot be tried in a sandbox for ${language}; open the library with one for ${tool.language}`;
      throw new ConfigError({ message, id: tool.id });
    }
    return { name: tool.name, sources: await this.sourcesOf(tool) };
  }

  async add({ source, origin, tests, dependencies = [] }: ToolCandidate): Promise<Added> {
    const { language } = this.#trial.sandbox;
    const known = await Promise.all(dependencies.map((id) => this.#need(id)));
    const shape = toolShape(source, language, [...kitTools(language), ...known.map(({ name }) => name)]);
    if (shape === undefined) {
      throw new ConfigError({ message: `library.add: the source holds no ${language} function to keep`, source });
    }
    const sourceHash = sha256(source);
    const candidate = {
      name: shape.name,
      sources: [...new Set((await Promise.all(known.map((tool) => this.sourcesOf(tool)))).flat()), source],
    };
    const twin = await this.#twin(candidate, shape.parameters, tests, sourceHash);
    if (twin !== undefined) return { outcome: "duplicate", tool: await this.addTests(twin.id, tests) };
    const id = this.#createId();
    await this.#database.write(
      insertStatements({
        ...shape,
        id,
        version: "1.0.0",
        language,
        source,
        sourceHash,
        dependencies,
        origin,
        tests: mergeTests([], tests),
        status: "draft",
        statusReason: "new",
        createdMs: this.#now(),
      }),
    );
    return { outcome: "new", tool: await this.#need(id) };
  }

  /** The tool that is the same, by source or by signature and behaviour. */
  async #twin(
    candidate: TriedTool,
    parameters: readonly string[],
    tests: readonly ToolTest[],
    sourceHash: string,
  ): Promise<LibraryTool | undefined> {
    const tools = await this.list({
      statuses: ["draft", "verified", "trusted"],
      language: this.#trial.sandbox.language,
    });
    const same = tools.find((tool) => tool.sourceHash === sourceHash);
    if (same !== undefined) return same;
    const signature = signatureOf(parameters, tests);
    for (const tool of tools) {
      if (signatureOf(tool.parameters, tool.tests) !== signature) continue;
      if (await behaveAlike(candidate, await this.#tried(tool), probesFor(tests, tool.tests), this.#trial)) return tool;
    }
    return undefined;
  }

  async update(
    id: string,
    source: string,
  ): Promise<{ readonly tool: LibraryTool; readonly failed: readonly LibraryTool[] }> {
    const before = await this.#need(id);
    const known = await Promise.all(before.dependencies.map((dependency) => this.#need(dependency)));
    const shape = toolShape(source, before.language, [...kitTools(before.language), ...known.map(({ name }) => name)]);
    if (shape === undefined) {
      throw new ConfigError({ message: `library.update: the source holds no ${before.language} function to keep`, id });
    }
    if (sha256(source) === before.sourceHash) return { tool: before, failed: [] };
    const sources = [...(await this.#tried(before)).sources.slice(0, -1), source];
    const results = await runTests({ name: shape.name, sources }, before.tests, this.#trial);
    const kept = before.tests.filter((_, i) => results[i]!.passed);
    await this.#database.write(
      insertStatements({
        ...before,
        ...shape,
        dependencies: before.dependencies,
        version: nextVersion(before, { ...shape, keepsTests: kept.length === before.tests.length }),
        source,
        sourceHash: sha256(source),
        tests: kept,
        status: "draft",
        statusReason: `new source, ${kept.length} of ${before.tests.length} tests still pass`,
        createdMs: this.#now(),
      }),
    );
    return { tool: await this.#need(id), failed: await this.#checkDependents(id) };
  }

  /** Runs the tests of every tool that calls this one, directly or not; those that fail are quarantined. */
  async #checkDependents(id: string): Promise<readonly LibraryTool[]> {
    const failed: LibraryTool[] = [];
    const direct = (await this.list({ statuses: ["draft", "verified", "trusted"] })).filter(({ dependencies }) =>
      dependencies.includes(id),
    );
    for (const tool of direct) {
      const { problems } = await this.#examine(tool);
      if (problems.length > 0) {
        failed.push(await this.setStatus(tool.id, "quarantined", `after a change of a tool it calls: ${problems[0]}`));
      }
      failed.push(...(await this.#checkDependents(tool.id)));
    }
    return failed;
  }

  async addTests(id: string, tests: readonly ToolTest[]): Promise<LibraryTool> {
    const tool = await this.#need(id);
    const merged = JSON.stringify(mergeTests(tool.tests, tests));
    await this.#database.write([
      { sql: "UPDATE tools SET tests = ? WHERE id = ? AND version = ?", args: [merged, tool.id, tool.version] },
    ]);
    return this.#need(tool.id);
  }

  async #examine(tool: LibraryTool): Promise<CheckReport> {
    const tried = await this.#tried(tool);
    if (tool.tests.length === 0) return { passed: false, problems: ["it has no tests"], tests: [] };
    const first = await runTests(tried, tool.tests, this.#trial);
    const failed = first.flatMap(({ passed, problem }, i) => (passed ? [] : [`test ${i + 1}: ${problem}`]));
    if (failed.length > 0) return { passed: false, problems: failed, tests: first };
    const second = await runTests(tried, tool.tests, this.#trial);
    const differs = first.findIndex(({ value }, i) => JSON.stringify(value) !== JSON.stringify(second[i]!.value));
    const problems = differs < 0 ? [] : [`test ${differs + 1}: two runs differ`];
    return { passed: problems.length === 0, problems, tests: first };
  }

  async check(id: string): Promise<CheckReport> {
    const tool = await this.#need(id);
    const report = await this.#examine(tool);
    if (!report.passed && USABLE.includes(tool.status))
      await this.setStatus(tool.id, "quarantined", report.problems[0]!);
    return report;
  }

  async recordUse(
    id: string,
    { question, passed }: { readonly question: string; readonly passed: boolean },
  ): Promise<LibraryTool> {
    const tool = await this.#need(id);
    const sql = "INSERT INTO uses VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET passed = excluded.passed";
    await this.#database.write([{ sql, args: [tool.id, tool.version, question.trim(), passed ? 1 : 0] }]);
    const after = await this.#need(tool.id);
    const { uses, successRate } = after;
    if (uses.total < USES_TO_JUDGE || successRate.high >= 0.5 || after.status === "quarantined") return after;
    return this.setStatus(after.id, "quarantined", `answered only ${uses.passed} of ${uses.total} questions`);
  }

  async promote(id: string): Promise<{ readonly tool: LibraryTool; readonly problems: readonly string[] }> {
    const tool = await this.#need(id);
    if (tool.status !== "draft") {
      const problems = USABLE.includes(tool.status) ? [] : [`it is ${tool.status}: ${tool.statusReason}`];
      return { tool, problems };
    }
    const others = await this.#database.read({
      sql: "SELECT COUNT(*) AS count FROM uses WHERE id = ? AND version = ? AND passed = 1 AND question != ?",
      args: [tool.id, tool.version, tool.origin.question.trim()],
    });
    const solved = Number(others[0]!["count"]);
    const problems =
      solved < OTHER_QUESTIONS ? [`it solved ${solved} of the ${OTHER_QUESTIONS} other questions it needs`] : [];
    if (problems.length === 0) problems.push(...(await this.#examine(tool)).problems);
    if (problems.length > 0) return { tool, problems };
    return {
      tool: await this.setStatus(
        tool.id,
        "verified",
        `passed ${tool.tests.length === 1 ? "its test" : `${tool.tests.length} tests`} twice, solved ${solved} other questions`,
      ),
      problems,
    };
  }

  async setStatus(id: string, status: ToolStatus, reason: string): Promise<LibraryTool> {
    const tool = await this.#need(id);
    await this.#database.write([
      {
        sql: "UPDATE tools SET status = ?, reason = ? WHERE id = ? AND version = ?",
        args: [status, reason, tool.id, tool.version],
      },
    ]);
    return this.#need(tool.id);
  }

  async retrieve(
    question: string,
    { limit = 5, statuses = USABLE, language }: ToolFilter & { readonly limit?: number } = {},
  ): Promise<readonly LibraryTool[]> {
    const tools = await this.list({ statuses, ...(language === undefined ? {} : { language }) });
    const byId = new Map(tools.map((tool) => [tool.id, tool]));
    const index = createLexicalIndex(
      new Map(
        tools.map(({ id, name, documentation, parameters, origin }) => [
          id,
          [
            { text: name, weight: 2 },
            { text: documentation },
            { text: parameters.join(" "), weight: 0.3 },
            { text: origin.question, weight: 0.5 },
          ],
        ]),
      ),
    );
    return index.search(question, limit).map(({ id }) => byId.get(id)!);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/**
 * Opens a library of created tools, and makes its file when it is not there.
 *
 * @param path - Path of the file; `":memory:"` keeps nothing.
 * @throws {ConfigError} When an option cannot be meant.
 * @throws {StoreError} When the file cannot be opened.
 * @throws {FormatError} When the file is no library, or one of another version.
 * @example
 * const library = await openLibrary("tools.db", { sandbox: quickjs() });
 * for (const { name, version, status, successRate } of await library.list()) console.log(name, version, status, successRate.rate);
 */
export async function openLibrary(path: string, options: OpenLibraryOptions): Promise<ToolLibrary> {
  parseConfig("openLibrary", optionsSchema, options);
  return new Library(await openLibraryFile(path), options);
}
