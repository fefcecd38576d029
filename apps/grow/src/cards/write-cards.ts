import { readdir } from "node:fs/promises";
import { folder, hasFile, readJson } from "@cambium/base";
import type { Growth } from "../growth/growth.ts";
import { readComparison } from "../measures/compare.ts";
import { modelCard } from "./card.ts";
import { writePackageTables } from "./package-table.ts";

/** Writes every model's card, and the tables in the README beside the models' folder. */
export async function writeCards(models: string, report: (line: string) => void): Promise<void> {
  const rows = await readComparison(models);
  const growths: Growth[] = [];
  for (const name of (await readdir(models)).sort()) {
    const files = folder(`${models}/${name}`);
    if (!(await hasFile(files, "growth.json"))) continue;
    const growth = (await readJson(files, "growth.json")) as Growth;
    growths.push(growth);
    const own = rows.filter(({ model }) => model === growth.name);
    await files.write("README.md", modelCard(growth, own));
    report(`written: ${files.location}/README.md`);
  }
  const saplings = folder(`${models}/..`);
  const readme = new TextDecoder().decode(await saplings.read("README.md"));
  await saplings.write("README.md", writePackageTables(readme, growths, rows));
  report(`written: ${saplings.location}/README.md`);
}
