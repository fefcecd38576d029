import { describeCard } from "./cards.fixture.ts";

for (const id of ["search", "knowledge", "catalogue", "translate", "files", "runCode"]) describeCard(id);
