import { findSites, siteNames } from "@cambium/emotion-probing";
import { inspectModel } from "@cambium/models";
import { textTable } from "@cambium/report";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { MODEL_ARGUMENT, modelFiles } from "../models/source.ts";

const EXAMPLE = `
Example:
  $ cambium probe sites models/minilm
Example, which site a name of another library means:
  $ cambium probe sites models/minilm --name blocks.3.mlp.hook_post`;

/** `cambium probe sites`: names of sites, in every naming. */
export function probeSites(io: Io): Command {
  return new Command("sites")
    .description("Show the sites that can be captured and changed, by their names here and in TransformerLens.")
    .argument("<model>", MODEL_ARGUMENT)
    .option("--name <name>", "show what one name means")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, { name: one, json }: { readonly name?: string; readonly json?: true }) => {
      const inspected = await inspectModel(modelFiles(io, "probe sites", name));
      const model = { sites: () => inspected.sites };
      const before = inspected.sites.some((site) => site.role === "ff.gate") ? "ff.gate" : "ff.up"; // the activation
      const stackOf = (stack: string | undefined): string => (stack === undefined ? "" : `${stack}.`);
      const rows =
        one !== undefined
          ? findSites(model, one).map((site) => ({
              name: one,
              role: site.role,
              path: site.path,
              width: site.width,
              transformerLens: "",
            }))
          : siteNames.flatMap(({ role, short, transformerLens = "" }) =>
              inspected.sites
                .filter((site) => site.role === (role === "ff.pre" ? before : role) && (site.layer ?? 0) === 0)
                .map((site) => ({
                  name: `${stackOf(site.stack)}${short}`,
                  role,
                  path: site.path,
                  width: site.width,
                  transformerLens,
                })),
            );
      if (json === true) io.out(JSON.stringify(rows));
      else {
        io.out(
          textTable({
            columns: [
              { name: "name" },
              { name: "role" },
              { name: "path in the first layer" },
              { name: "width" },
              { name: "TransformerLens" },
            ],
            rows: rows.map((row) => [row.name, row.role, row.path, row.width, row.transformerLens]),
          }),
        );
      }
    });
}
