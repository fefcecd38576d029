import { describeCard } from "./cards.fixture.ts";

for (const id of ["weather", "stocks", "maps"]) describeCard(id);
