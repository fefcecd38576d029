/**
 * Eighteen kits of tools that work offline, and instructions for them whose success code can tell.
 *
 * `toolbox` makes all kits at once, or each is made by its own function: `calculator`, `mail`, `tables`, … Their tools are those of
 * `@cambium/tool-learning`. `toolCards` gives instructions with success predicates and scripted experts, `openSetting` puts a
 * kit before a model without tools, with tools, or with demonstrations.
 *
 * @module
 */
export { calculator } from "./calculator/tool.ts";
export type { CalendarEvent, CalendarState } from "./calendar/events.ts";
export { type CalendarOptions, calendar } from "./calendar/tool.ts";
export type { Call, Outcome, Task, TaskParts, ToolCard } from "./card.ts";
export type { CardAgentOptions } from "./card-agent.ts";
export {
  type CardEvaluation,
  type CardEvaluationOptions,
  type CardTask,
  cardEvaluation,
} from "./card-evaluation.ts";
export type { Film, Ingredient, Recipe } from "./catalogue/sample.ts";
export { type CatalogueOptions, catalogue } from "./catalogue/tool.ts";
export { chemistry } from "./chemistry/tool.ts";
export type { Drawing, Point, Shape, ShapeStyle } from "./draw/shapes.ts";
export { type DrawState, draw, type Plot } from "./draw/tool.ts";
export { expertPolicy } from "./expert-policy.ts";
export { type ExpertOptions, type ExpertTrajectory, expertTrajectories } from "./expert-trajectories.ts";
export type { FilesState } from "./files/store.ts";
export { type FilesOptions, files } from "./files/tool.ts";
export type { Device, Furniture, HouseState, Thing } from "./house/sample.ts";
export { type HouseOptions, house } from "./house/tool.ts";
export { knowledge } from "./knowledge/tool.ts";
export type { Contact, MailState, Message } from "./mail/sample.ts";
export { type MailOptions, mail } from "./mail/tool.ts";
export { maps } from "./maps/tool.ts";
export { type RunCodeOptions, runCode } from "./run-code/tool.ts";
export { type ExpertRun, type ExpertStep, runExpert } from "./run-expert.ts";
export { type SearchOptions, search } from "./search/tool.ts";
export {
  type DemonstrateOptions,
  demonstrate,
  type OpenSetting,
  type OpenSettingOptions,
  openSetting,
  type Setting,
} from "./settings.ts";
export type { Setup } from "./setup.ts";
export type { Item, Order, Product, ShopState } from "./shop/sample.ts";
export { type ShopOptions, shop } from "./shop/tool.ts";
export type { Deck, Slide } from "./slides/html.ts";
export { type SlidesState, slides } from "./slides/tool.ts";
export type { Sheet } from "./spreadsheet/cells.ts";
export type { SpreadsheetState } from "./spreadsheet/sample.ts";
export { type SpreadsheetOptions, spreadsheet } from "./spreadsheet/tool.ts";
export { stocks } from "./stocks/tool.ts";
export type { Cell, Table } from "./tables/database.ts";
export { readTables, tableFromCsv, tableFromJson } from "./tables/read-tables.ts";
export { type TablesOptions, type TablesState, tables } from "./tables/tool.ts";
export {
  kitIds,
  type Toolbox,
  type ToolboxOptions,
  type ToolboxState,
  type ToolCardsOptions,
  toolbox,
  toolCards,
} from "./toolbox.ts";
export type { Toolkit } from "./toolkit.ts";
export { translate } from "./translate/tool.ts";
export { type Rates, sampleRates } from "./units/rates.ts";
export { type UnitsOptions, units } from "./units/tool.ts";
export { weather } from "./weather/tool.ts";
export type { City, Geography, Place, Road } from "./world/geography.ts";
export type { Company, Market, Trade } from "./world/market.ts";
export type { WorldData } from "./world/routes.ts";
export { openWorld, type World, type WorldOptions } from "./world/world.ts";
