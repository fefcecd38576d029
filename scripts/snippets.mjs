// Type-checks the ```ts blocks of the READMEs and guides against the sources. usage: node scripts/snippets.mjs [--built]
// With --built they are checked against the declarations in `dist`, which must be there: several times faster.
//
// Each block becomes a module in which every line keeps the number it has on its page. A comment right before the block,
//   <!-- context
//   declare const texts: string[];
//   -->
// holds code that the block needs and a reader does not. Blocks marked ```ts run are also run, by tests/src/snippets.test.ts.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { markdownFiles, root } from "./workspace.mjs";

/** Inside `tests`, whose dependencies are all the packages. */
const cache = join(root, "tests/node_modules/.cache/snippets");
const pages = /^(README\.md|(packages|apps)\/[^/]+\/README\.md|docs\/guides\/[^/]+\.md)$/;
const block = /(?:^<!-- context\n(?<context>[\s\S]*?)^-->\n\s*)?^```ts(?<run> run)?\n(?<code>[\s\S]*?)^```/dgm;

const lineCount = (text) => text.split("\n").length;

/** @typedef {{ page: string; line: number; run: boolean; source: string }} Snippet */

/**
 * The blocks of a page, each as a module with the page's line numbers.
 *
 * @param {string} page
 * @param {string} text
 * @returns {Snippet[]}
 */
export function parseSnippets(page, text) {
  return [...text.matchAll(block)].map(({ groups, indices }) => {
    const parts = ["context", "code"].filter((part) => groups[part] !== undefined);
    const lineOf = (part) => lineCount(text.slice(0, indices.groups[part][0]));
    const source = parts.reduce(
      (above, part) => `${above}${"\n".repeat(lineOf(part) - lineCount(above))}${groups[part]}`,
      "",
    );
    return { page, line: lineOf("code"), run: groups.run !== undefined, source: `${source}export {};\n` };
  });
}

/**
 * Writes the blocks of all pages into a folder, which is emptied first.
 *
 * @returns {(Snippet & { file: string })[]}
 */
export function extractSnippets(target = cache) {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  return markdownFiles()
    .filter((page) => pages.test(page))
    .flatMap((page) => parseSnippets(page, readFileSync(join(root, page), "utf8")))
    .map((snippet) => {
      const file = join(target, `${snippet.page.replaceAll("/", "+")}+${snippet.line}.mts`);
      writeFileSync(file, snippet.source);
      return { ...snippet, file };
    });
}

/** A diagnostic of the compiler, placed on its page and with the lines around it. */
function onPage(diagnostic) {
  const [, page, line, message] = diagnostic.match(/([^/\s]+)\+\d+\.mts\((\d+),\d+\): (.*)/) ?? [];
  if (page === undefined) return diagnostic;
  const path = page.replaceAll("+", "/");
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  const around = lines
    .map((text, i) => `${i + 1 === Number(line) ? ">" : " "} ${text}`)
    .slice(Math.max(0, line - 3), Number(line) + 2);
  return `${path}:${line}: ${message}\n${around.join("\n")}\n`;
}

function checkSnippets() {
  const { built } = parseArgs({ options: { built: { type: "boolean", default: false } } }).values;
  if (built && !existsSync(join(root, "packages/base/dist/index.d.ts")))
    throw new Error("snippets: --built reads what `pnpm exec tsc -b` writes; run that first");
  const snippets = extractSnippets();
  const compilerOptions = {
    composite: false,
    ...(built ? { customConditions: [] } : {}),
    declaration: false,
    isolatedDeclarations: false,
    noEmit: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions,
    files: snippets.map(({ file }) => file),
  };
  writeFileSync(join(cache, "tsconfig.json"), JSON.stringify(config));
  const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", cache, "--pretty", "false"], {
    cwd: cache,
    encoding: "utf8",
  });
  const diagnostics = stdout.split("\n").filter((text) => text !== "");
  console.log(status === 0 ? `${snippets.length} snippets compile` : diagnostics.map(onPage).join("\n"));
  process.exitCode = status;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) checkSnippets();
