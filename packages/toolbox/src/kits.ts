import { ConfigError, nearest } from "@cambium/base";
import { calculatorCard } from "./calculator/card.ts";
import { calculator } from "./calculator/tool.ts";
import { calendarCard } from "./calendar/card.ts";
import { calendar } from "./calendar/tool.ts";
import type { ToolCard } from "./card.ts";
import { catalogueCard } from "./catalogue/card.ts";
import { catalogue } from "./catalogue/tool.ts";
import { chemistryCard } from "./chemistry/card.ts";
import { chemistry } from "./chemistry/tool.ts";
import { drawCard } from "./draw/card.ts";
import { draw } from "./draw/tool.ts";
import { filesCard } from "./files/card.ts";
import { files } from "./files/tool.ts";
import { houseCard } from "./house/card.ts";
import { house } from "./house/tool.ts";
import { knowledgeCard } from "./knowledge/card.ts";
import { knowledge } from "./knowledge/tool.ts";
import { mailCard } from "./mail/card.ts";
import { mail } from "./mail/tool.ts";
import { mapsCard } from "./maps/card.ts";
import { maps } from "./maps/tool.ts";
import { runCodeCard } from "./run-code/card.ts";
import { runCode } from "./run-code/tool.ts";
import { searchCard } from "./search/card.ts";
import { search } from "./search/tool.ts";
import type { FullSetup } from "./setup.ts";
import { shopCard } from "./shop/card.ts";
import { shop } from "./shop/tool.ts";
import { slidesCard } from "./slides/card.ts";
import { slides } from "./slides/tool.ts";
import { spreadsheetCard } from "./spreadsheet/card.ts";
import { spreadsheet } from "./spreadsheet/tool.ts";
import { stocksCard } from "./stocks/card.ts";
import { stocks } from "./stocks/tool.ts";
import { tablesCard } from "./tables/card.ts";
import { tables } from "./tables/tool.ts";
import type { Toolkit } from "./toolkit.ts";
import { translateCard } from "./translate/card.ts";
import { translate } from "./translate/tool.ts";
import { unitsCard } from "./units/card.ts";
import { sampleRates } from "./units/rates.ts";
import { units } from "./units/tool.ts";
import { weatherCard } from "./weather/card.ts";
import { weather } from "./weather/tool.ts";
import type { World, WorldOptions } from "./world/world.ts";

/** What there is of one kit: how it is made for a setup, and its card. */
export interface KitEntry {
  /** @param world - Shared by those that ask one. */
  open(setup: FullSetup, world?: World): Toolkit;
  card(setup: FullSetup, each: number): ToolCard | Promise<ToolCard>;
}

const entry = (card: KitEntry["card"], open: KitEntry["open"]): KitEntry => ({ card, open });

/** Options of the kits that ask a world. */
const asking = (setup: FullSetup, world: World | undefined): WorldOptions => (world === undefined ? setup : { world });

/** Every kit that a card goes with, in the order of the toolbox. */
export const KITS: Readonly<Record<string, KitEntry>> = {
  calculator: entry(calculatorCard, () => calculator()),
  units: entry(unitsCard, ({ seed, clock }) => units({ rates: sampleRates(seed, clock.slice(0, 10)) })),
  calendar: entry(calendarCard, (setup) => calendar(setup)),
  tables: entry(tablesCard, ({ seed }) => tables({ seed })),
  spreadsheet: entry(spreadsheetCard, ({ seed }) => spreadsheet({ seed })),
  search: entry(searchCard, () => search()),
  knowledge: entry(knowledgeCard, () => knowledge()),
  weather: entry(weatherCard, (setup, world) => weather(asking(setup, world))),
  stocks: entry(stocksCard, (setup, world) => stocks(asking(setup, world))),
  maps: entry(mapsCard, (setup, world) => maps(asking(setup, world))),
  translate: entry(translateCard, () => translate()),
  slides: entry(slidesCard, () => slides()),
  draw: entry(drawCard, () => draw()),
  mail: entry(mailCard, (setup) => mail(setup)),
  shop: entry(shopCard, ({ seed }) => shop({ seed })),
  house: entry(houseCard, ({ seed }) => house({ seed })),
  chemistry: entry(chemistryCard, () => chemistry()),
  catalogue: entry(catalogueCard, ({ seed }) => catalogue({ seed })),
  files: entry(filesCard, ({ seed }) => files({ seed })),
  runCode: entry(runCodeCard, () => runCode()),
};

/** Those of a toolbox that names none: all but `files` and `runCode`, which are for programs. */
export const BUNDLED: readonly string[] = Object.keys(KITS).filter((id) => id !== "files" && id !== "runCode");

/** @throws {ConfigError} For a kit that does not exist, naming the nearest. */
export function kitEntry(caller: string, id: string): KitEntry {
  if (Object.hasOwn(KITS, id)) return KITS[id]!;
  const close = nearest(id, Object.keys(KITS));
  throw new ConfigError({
    message: `${caller}: no kit "${id}"; ${close === undefined ? `there are ${Object.keys(KITS).join(", ")}` : `is "${close}" meant?`}`,
    id,
  });
}
