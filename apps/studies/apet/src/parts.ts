/** The parts of the study in the order in which they are run: what is central and cheap comes first. */
import { join } from "node:path";
import { loadStudy, type Study } from "@cambium/experiments";
import type { Part } from "@cambium/study-kit";
import { combinations } from "./combination.ts";
import type { Extent } from "./plan.ts";
import { positionOnDecoder, positionOnEncoder, positionOnLadder, type Rates } from "./position.ts";
import { quantityOnEncoder, quantityOnLadder } from "./quantity.ts";

/** The rates that the tuning on the encoder chose; nothing before it has chosen all. */
async function ratesOf(encoder: Study, folder: string): Promise<Rates | undefined> {
  const { board } = await loadStudy(encoder, folder);
  const chosen = new Map(
    board.tuned.map(({ group, chosen: rate }) => [
      `${group["method"]} ${group["position"]}`,
      rate as number | undefined,
    ]),
  );
  if ([...chosen.values()].includes(undefined)) return undefined;
  return ({ method, position }) => chosen.get(`${method} ${position}`)!;
}

/** All parts, with their results in folders below `folder`. */
export async function partsOf(extent: Extent, folder: string): Promise<Part[]> {
  const { ladder, encoder, decoder } = extent;
  const at = (name: string): string => join(folder, name);
  const onEncoder = positionOnEncoder(extent);
  const rates = await ratesOf(onEncoder, at("position-encoder"));
  const anyRate = extent.rates[Math.floor(extent.rates.length / 2)]!; // for the plan: costs do not depend on it
  const parts: Omit<Part, "folder">[] = [
    {
      name: "position-ladder",
      title: "Position, on models that differ in size alone",
      about: `Each designed method against as many scalars elsewhere, on ${ladder.join(" and ")}, with a head that all ways train alike.`,
      study: positionOnLadder(extent),
    },
    {
      name: "quantity-ladder",
      title: "Quantity, and random weights as a control",
      about: `From one scalar to all, on ${ladder.join(" and ")} and on twins of random weights. The head is random and frozen, so that nothing else learns.`,
      study: quantityOnLadder(extent),
    },
    {
      name: "position-encoder",
      title: `Position on ${encoder}`,
      about: "The same on an encoder of another recipe: what differs from the saplings need not come from its size.",
      study: onEncoder,
    },
    {
      name: "combination",
      title: `Prompt, biases and adapters together, on ${encoder}`,
      about:
        "The survey's eight combinations with few rows, on four tasks of short texts, with a class head, so its rows without templates; its sequential combinations and its gap between training and development are not repeated.",
      study: combinations(extent),
    },
    {
      name: "quantity-encoder",
      title: `Quantity on ${encoder}`,
      about: "Fewer counts than on the saplings.",
      study: quantityOnEncoder(extent),
    },
    {
      name: "position-decoder",
      title: `Position on ${decoder}`,
      about: `Two tasks, with the learning rates that were found on ${encoder}. It has no biases, so no BitFit, and learns from 4 rows a step.`,
      study: positionOnDecoder(extent, rates ?? (() => anyRate)),
      ...(rates === undefined && { waitsFor: "the learning rates that position-encoder tunes" }),
    },
  ];
  return parts.map((part) => ({ ...part, folder: at(part.name) }));
}
