import { wilson } from "@cambium/evaluation";
import type { InStatement, Row } from "@libsql/client";
import { schemasFromTests } from "./schemas.ts";
import type { LibraryTool, ToolStatus } from "./tool-record.ts";
import type { ToolTest } from "./tool-test.ts";

const parse = (row: Row, column: string): never => JSON.parse(String(row[column])) as never;

/** A row of `tools`, joined with the counts of its uses, as a record. */
export function recordOf(row: Row): LibraryTool {
  const parameters: readonly string[] = parse(row, "parameters");
  const tests: readonly ToolTest[] = parse(row, "tests");
  const { input, output } = schemasFromTests(parameters, tests);
  const [total, passed] = [Number(row["total"]), Number(row["passed"])];
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    version: String(row["version"]),
    language: String(row["language"]) as LibraryTool["language"],
    source: String(row["source"]),
    sourceHash: String(row["source_hash"]),
    documentation: String(row["documentation"]),
    parameters,
    inputSchema: input,
    outputSchema: output,
    dependencies: parse(row, "dependencies"),
    capabilities: [],
    level: Number(row["level"]) as LibraryTool["level"],
    origin: parse(row, "origin"),
    tests,
    status: String(row["status"]) as ToolStatus,
    statusReason: String(row["reason"]),
    uses: { total, passed },
    successRate: wilson(passed, total),
    createdMs: Number(row["created_ms"]),
  };
}

/** Versions of tools with the counts of their uses; a `WHERE` follows. */
export const SELECT: string = `SELECT tools.*,
  (SELECT COUNT(*) FROM uses WHERE uses.id = tools.id AND uses.version = tools.version) AS total,
  (SELECT COUNT(*) FROM uses WHERE uses.id = tools.id AND uses.version = tools.version AND uses.passed = 1) AS passed
  FROM tools`;

/** Condition: the newest version of each tool. */
export const NEWEST: string = "place = (SELECT MAX(place) FROM tools AS other WHERE other.id = tools.id)";

/** Statements that add a version and deprecate the ones before. */
export function insertStatements(
  tool: Omit<LibraryTool, "inputSchema" | "outputSchema" | "uses" | "successRate" | "capabilities">,
): readonly InStatement[] {
  const { id, version, name, language, source, sourceHash, documentation, level, status, statusReason, createdMs } =
    tool;
  const json = [tool.parameters, tool.dependencies, tool.origin, tool.tests].map((value) => JSON.stringify(value));
  const [parameters, dependencies, origin, tests] = json;
  return [
    {
      sql: "UPDATE tools SET status = 'deprecated', reason = ? WHERE id = ? AND status != 'deprecated'",
      args: [`replaced by ${version}`, id],
    },
    {
      sql: `INSERT INTO tools (id, version, name, language, source, source_hash, documentation, parameters, dependencies, level, origin, tests, status, reason, created_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      args: [
        id,
        version,
        name,
        language,
        source,
        sourceHash,
        documentation,
        parameters!,
        dependencies!,
        level,
        origin!,
        tests!,
        status,
        statusReason,
        createdMs,
      ],
    },
  ];
}
