import { describeCard } from "./cards.fixture.ts";

for (const id of ["weather", "stocks", "maps", "mail", "shop", "house", "draw", "slides"]) describeCard(id);
