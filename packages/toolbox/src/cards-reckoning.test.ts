import { describeCard } from "./cards.fixture.ts";

for (const id of ["calculator", "units", "calendar", "tables", "chemistry", "spreadsheet"]) describeCard(id);
