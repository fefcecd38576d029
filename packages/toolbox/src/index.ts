/**
 * Tools that work offline: each does its work on this machine, from libraries, the user's files, or worlds made up from a seed.
 *
 * @module
 */
export { calculator } from "./calculator/tool.ts";
export type { CalendarEvent, CalendarState } from "./calendar/events.ts";
export { type CalendarOptions, calendar } from "./calendar/tool.ts";
export type { Call, Outcome, Task, TaskParts, ToolCard } from "./card.ts";
export type { HouseState } from "./house/sample.ts";
export { type HouseOptions, house } from "./house/tool.ts";
export { knowledge } from "./knowledge/tool.ts";
export type { MailState, Message } from "./mail/sample.ts";
export { type MailOptions, mail } from "./mail/tool.ts";
export { maps } from "./maps/tool.ts";
export { type ExpertRun, type ExpertStep, runExpert } from "./run-expert.ts";
export { type SearchOptions, search } from "./search/tool.ts";
export type { FullSetup, Setup } from "./setup.ts";
export type { ShopState } from "./shop/sample.ts";
export { type ShopOptions, shop } from "./shop/tool.ts";
export { stocks } from "./stocks/tool.ts";
export type { Cell, Table } from "./tables/database.ts";
export { readTables, tableFromCsv, tableFromJson } from "./tables/read-tables.ts";
export { type TablesOptions, type TablesState, tables } from "./tables/tool.ts";
export type { Toolkit } from "./toolkit.ts";
export { type Rates, sampleRates } from "./units/rates.ts";
export { type UnitsOptions, units } from "./units/tool.ts";
export { weather } from "./weather/tool.ts";
export { openWorld, type World, type WorldOptions } from "./world/world.ts";
