import { calculatorCard } from "./calculator/card.ts";
import { calculator } from "./calculator/tool.ts";
import { calendarCard } from "./calendar/card.ts";
import { calendar } from "./calendar/tool.ts";
import type { ToolCard } from "./card.ts";
import { catalogueCard } from "./catalogue/card.ts";
import { catalogue } from "./catalogue/tool.ts";
import { chemistryCard } from "./chemistry/card.ts";
import { chemistry } from "./chemistry/tool.ts";
import { houseCard } from "./house/card.ts";
import { house } from "./house/tool.ts";
import { knowledgeCard } from "./knowledge/card.ts";
import { knowledge } from "./knowledge/tool.ts";
import { mailCard } from "./mail/card.ts";
import { mail } from "./mail/tool.ts";
import { mapsCard } from "./maps/card.ts";
import { maps } from "./maps/tool.ts";
import { searchCard } from "./search/card.ts";
import { search } from "./search/tool.ts";
import type { FullSetup } from "./setup.ts";
import { shopCard } from "./shop/card.ts";
import { shop } from "./shop/tool.ts";
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

/** What there is of one kit: how it is made for a setup, and its card. */
export interface Kit {
  open(setup: FullSetup): Toolkit;
  card(setup: FullSetup, each: number): ToolCard | Promise<ToolCard>;
}

const kit = (open: Kit["open"], card: Kit["card"]): Kit => ({ open, card });

/** Every kit that a card goes with. */
export const KITS: Readonly<Record<string, Kit>> = {
  calculator: kit(calculator, calculatorCard),
  units: kit(({ seed, clock }) => units({ rates: sampleRates(seed, clock.slice(0, 10)) }), unitsCard),
  calendar: kit(calendar, calendarCard),
  tables: kit(({ seed }) => tables({ seed }), tablesCard),
  search: kit(() => search(), searchCard),
  knowledge: kit(knowledge, knowledgeCard),
  weather: kit(weather, weatherCard),
  stocks: kit(stocks, stocksCard),
  maps: kit(maps, mapsCard),
  mail: kit(mail, mailCard),
  shop: kit(({ seed }) => shop({ seed }), shopCard),
  house: kit(({ seed }) => house({ seed }), houseCard),
  catalogue: kit(({ seed }) => catalogue({ seed }), catalogueCard),
  translate: kit(translate, translateCard),
  chemistry: kit(chemistry, chemistryCard),
  spreadsheet: kit(({ seed }) => spreadsheet({ seed }), spreadsheetCard),
};
