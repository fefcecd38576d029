// publint and "are the types wrong" on the packed tarballs. usage: node scripts/check-packages.mjs
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { problemKindInfo } from "@arethetypeswrong/core/problems";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packAll } from "./pack.mjs";

/** What publint finds. */
async function lint(tarball) {
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer }, strict: true });
  return messages.map((message) => `${message.type}: ${formatMessage(message, pkg)}`);
}

/** Ways of resolving for which the packages are not made: they are ESM only, and have `exports`. */
const IGNORED = ["node10", "node16-cjs"];

/** What is wrong with the types. */
async function checkTypes(tarball) {
  const { types, problems } = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
  if (types === false) return ["it has no types"];
  return problems
    .filter(({ resolutionKind }) => !IGNORED.includes(resolutionKind))
    .map((problem) => `${problemKindInfo[problem.kind].description} ${JSON.stringify(problem)}`);
}

const target = mkdtempSync(join(tmpdir(), "cambium-pack-"));
const wrong = [];
for (const { name, tarball: path } of packAll(target)) {
  const tarball = readFileSync(path);
  const faults = [...(await lint(tarball)), ...(await checkTypes(tarball))];
  for (const fault of faults) console.error(`${name}: ${fault}`);
  if (faults.length > 0) wrong.push(name);
}
rmSync(target, { recursive: true });
console.log(wrong.length === 0 ? "every package is fit to publish" : `not fit to publish: ${wrong.join(", ")}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
