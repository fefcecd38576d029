import { calculatorCard } from "./calculator/card.ts";
import { calculator } from "./calculator/tool.ts";
import { calendarCard } from "./calendar/card.ts";
import { calendar } from "./calendar/tool.ts";
import type { ToolCard } from "./card.ts";
import type { FullSetup } from "./setup.ts";
import { tablesCard } from "./tables/card.ts";
import { tables } from "./tables/tool.ts";
import type { Toolkit } from "./toolkit.ts";
import { unitsCard } from "./units/card.ts";
import { sampleRates } from "./units/rates.ts";
import { units } from "./units/tool.ts";

/** What there is of one kit: how it is made for a setup, and its card. */
export interface Kit {
  open(setup: FullSetup): Toolkit;
  card(setup: FullSetup, each: number): ToolCard;
}

const kit = (open: Kit["open"], card: Kit["card"]): Kit => ({ open, card });

/** Every kit that a card goes with. */
export const KITS: Readonly<Record<string, Kit>> = {
  calculator: kit(calculator, calculatorCard),
  units: kit(({ seed, clock }) => units({ rates: sampleRates(seed, clock.slice(0, 10)) }), unitsCard),
  calendar: kit(calendar, calendarCard),
  tables: kit(({ seed }) => tables({ seed }), tablesCard),
};
