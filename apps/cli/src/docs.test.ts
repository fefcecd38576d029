import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { beforeAll, expect, test } from "vitest";
import { markdownFiles, root } from "../../../scripts/workspace.mjs";
import { createProgram } from "./program.ts";
import { quietIo } from "./recorded.fixture.ts";

/** A call of the command: behind a prompt or a runner of packages, up to a comment, a pipe or a redirection. */
const CALL = /^\s*(?:\$ )?(?:npx -y pnpm@\S+ |pnpm )?(?:-s )?cambium (?<words>.*)$/;
const shown = (markdownFiles() as readonly string[]).flatMap((page) =>
  readFileSync(join(root, page), "utf8")
    .split("\n")
    .flatMap((line, index) => {
      const words = CALL.exec(line)?.groups?.["words"];
      return words === undefined ? [] : [{ place: `${page}:${index + 1}`, words: wordsOf(words) }];
    }),
);

/** A line of a shell as words; quoted ones are one. */
function wordsOf(line: string): readonly string[] {
  const words = line.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const end = words.findIndex((word) => /^[#|>&]/.test(word));
  return end === -1 ? words : words.slice(0, end);
}

let program: Command;
beforeAll(async () => {
  program = await createProgram(quietIo());
});

test("the documentation shows calls of many verbs", () => {
  expect(new Set(shown.map(({ words }) => words[0])).size).toBeGreaterThan(10);
});

test.each(shown)("$place names a verb and flags that there are", ({ words }) => {
  const next = (): Command | undefined =>
    command.commands.find((each) => [each.name(), ...each.aliases()].includes(rest[0] ?? ""));
  let command = program;
  let rest = words;
  for (let inner = next(); inner !== undefined; inner = next()) [command, rest] = [inner, rest.slice(1)];
  if (/^[<…]/.test(rest[0] ?? "")) return; // stands for any verb
  expect(command.commands.length, `${command.name()} has no ${rest[0]}`).toBe(0);
  const known = ["--help", ...command.options.map(({ long }) => long)];
  const flags = rest.filter((word) => word.startsWith("--")).map((word) => word.split("=")[0]);
  expect(flags.filter((flag) => !known.includes(flag!))).toEqual([]);
});
