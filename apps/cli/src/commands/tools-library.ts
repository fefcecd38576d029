import { existsSync } from "node:fs";
import { describeTest, type LibraryTool, openLibrary, type ToolLibrary, type ToolStatus } from "@cambium/tool-learning";
import { Argument, Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { countText } from "./cost-text.ts";
import { openSandbox } from "./sandboxes.ts";

interface LibraryFlags {
  readonly library: string;
  readonly json?: true;
}

const STATUSES: readonly ToolStatus[] = ["draft", "verified", "trusted", "deprecated", "quarantined"];

const EXAMPLE = `
Example:
  $ cambium tools library list --library tools.db
  $ cambium tools library check tieredCharge
  $ cambium tools library set tieredCharge trusted --reason "read it, and tried it on last year's bills"`;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** A tool in a line. */
function line({ name, version, status, uses, successRate, tests, documentation }: LibraryTool): string {
  const used =
    uses.total === 0 ? "not used" : `${uses.passed} of ${uses.total} answered (at least ${percent(successRate.low)})`;
  return `${name} ${version}  ${status}, ${used}, ${countText(tests.length, "test")}  ${documentation.split("\n")[0]}`;
}

/** A tool with everything that is known of it. */
function page(tool: LibraryTool): string {
  const { id, statusReason, origin, parameters, dependencies, createdMs } = tool;
  return [
    line(tool),
    `id          ${id}`,
    `status      ${statusReason}`,
    `call        ${tool.name}(${parameters.join(", ")})`,
    `made for    ${origin.question}`,
    `made by     ${origin.model}, ${new Date(createdMs).toISOString()}`,
    `calls       ${dependencies.length === 0 ? "no other tools" : dependencies.join(", ")}`,
    "",
    tool.source,
    "",
    ...tool.tests.map((test) => describeTest(tool.name, test)),
  ].join("\n");
}

/** Opens the library for one piece of work; tools in `language` can be tried. */
async function withLibrary<T>(
  path: string,
  work: (library: ToolLibrary) => Promise<T>,
  language: LibraryTool["language"] = "javascript",
): Promise<T> {
  if (!existsSync(path))
    throw new UseError(`tools library: there is no library ${path}; cambium tools create --library makes one`);
  const sandbox = openSandbox(language);
  const library = await openLibrary(path, { sandbox });
  try {
    return await work(library);
  } finally {
    await library.close();
    await sandbox.close();
  }
}

/** Opens the library to try a tool in its own language. */
async function withTool(
  path: string,
  name: string,
  work: (library: ToolLibrary, tool: LibraryTool) => Promise<void>,
): Promise<void> {
  const tool = await withLibrary(path, (library) => need(library, name));
  await withLibrary(path, (library) => work(library, tool), tool.language);
}

async function need(library: ToolLibrary, name: string): Promise<LibraryTool> {
  const tool = await library.get(name);
  if (tool !== undefined) return tool;
  const known = (await library.list()).map((each) => each.name);
  throw new UseError(`tools library: no tool "${name}"; there are ${known.join(", ") || "none"}`);
}

/** `cambium tools library`: look after created tools. */
export function library(io: Io): Command {
  const verb = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .option("--library <file>", "the library", "tools.db")
      .option("--json", "write JSON lines");
  const tell = (json: true | undefined, value: object, text: string): void =>
    io.out(json ? JSON.stringify(value) : text);

  const list = verb("list", "All tools in a line each.").action(({ library: path, json }: LibraryFlags) =>
    withLibrary(path, async (opened) => {
      const tools = await opened.list();
      for (const tool of tools) tell(json, tool, line(tool));
      if (tools.length === 0 && !json) io.out("no tools yet");
    }),
  );
  const search = verb("search", "The best tools for a question.")
    .argument("<question>")
    .action((question: string, { library: path, json }: LibraryFlags) =>
      withLibrary(path, async (opened) => {
        const found = await opened.retrieve(question, { statuses: ["draft", "verified", "trusted"] });
        for (const tool of found) tell(json, tool, line(tool));
        if (found.length === 0 && !json) io.out("no tool shares a word with the question");
      }),
    );
  const show = verb("show", "A tool with its source, tests and origin.")
    .argument("<name>", "name or id")
    .action((name: string, { library: path, json }: LibraryFlags) =>
      withLibrary(path, async (opened) => {
        const tool = await need(opened, name);
        tell(json, tool, page(tool));
      }),
    );
  const check = verb("check", "Run a tool's tests twice; a verified tool that fails is quarantined.")
    .argument("<name>", "name or id")
    .action((name: string, { library: path, json }: LibraryFlags) =>
      withTool(path, name, async (opened, { id, tests }) => {
        const report = await opened.check(id);
        tell(
          json,
          report,
          report.passed ? `${name} passed ${countText(tests.length, "test")}, twice` : report.problems.join("\n"),
        );
        if (!report.passed) throw new Error(`tools library: ${name} failed its checks`);
      }),
    );
  const promote = verb("promote", "Make a draft verified, if it passes its tests and has solved two other questions.")
    .argument("<name>", "name or id")
    .action((name: string, { library: path, json }: LibraryFlags) =>
      withTool(path, name, async (opened, { id }) => {
        const { tool, problems } = await opened.promote(id);
        tell(
          json,
          { status: tool.status, problems },
          problems.length === 0 ? `${name} is ${tool.status}` : problems.join("\n"),
        );
        if (problems.length > 0) throw new Error(`tools library: ${name} stays ${tool.status}`);
      }),
    );
  const set = verb("set", "Set a tool's status by hand.")
    .argument("<name>", "name or id")
    .addArgument(new Argument("<status>").choices(STATUSES))
    .requiredOption("--reason <text>", "why, for those who come later")
    .action(
      (name: string, status: ToolStatus, { library: path, json, reason }: LibraryFlags & { readonly reason: string }) =>
        withLibrary(path, async (opened) => {
          const tool = await opened.setStatus((await need(opened, name)).id, status, reason);
          tell(json, tool, line(tool));
        }),
    );

  const parent = new Command("library")
    .description("Look after the tools that models made.")
    .helpCommand(false)
    .addHelpText("after", EXAMPLE);
  for (const command of [list, search, show, check, promote, set]) parent.addCommand(command);
  return parent;
}
