/** What the world's services answer: each route is a function of its query. */
import { nearest } from "@cambium/base";
import { distance, findRoute, type Geography, PLACE_KINDS, round } from "./geography.ts";
import type { Market } from "./market.ts";
import { weatherOf } from "./sky.ts";

/** Everything that there is in a world. */
export interface WorldData {
  readonly seed: number;
  /** The day of the clock. */
  readonly today: string;
  readonly geography: Geography;
  readonly market: Market;
}

/** What a service says to a wrong request. */
export class RequestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Query = Readonly<Record<string, string>>;
type Route = (world: WorldData, query: Query) => unknown;

const DAY_MS = 86_400_000;
/** Days ahead that a forecast reaches, and days back that are kept. */
export const FORECAST_DAYS = 10;
export const KEPT_DAYS = 365;

function known<Item>(
  what: string,
  list: readonly Item[],
  name: string,
  nameOf: (item: Item) => string,
  where: string,
): Item {
  const found = list.find((item) => nameOf(item).toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const close = nearest(name, list.map(nameOf));
  throw new RequestError(404, `no ${what} "${name}"; ${close === undefined ? where : `is "${close}" meant?`}`);
}

const cityOf = ({ geography }: WorldData, name = ""): Geography["cities"][number] =>
  known("city", geography.cities, name, (city) => city.name, "maps_cities lists them");

function dayOf(text = ""): number {
  const ms = Date.parse(text);
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text)
    throw new RequestError(400, `"${text}" is no date such as 2026-03-02`);
  return ms;
}

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const weather: Readonly<Record<string, Route>> = {
  "/weather/day"(world, { city, date = world.today }) {
    const place = cityOf(world, city);
    const ahead = (dayOf(date) - Date.parse(world.today)) / DAY_MS;
    if (ahead > FORECAST_DAYS)
      throw new RequestError(
        400,
        `forecasts reach ${FORECAST_DAYS} days ahead, to ${iso(Date.parse(world.today) + FORECAST_DAYS * DAY_MS)}`,
      );
    if (ahead < -KEPT_DAYS)
      throw new RequestError(
        400,
        `the weather of ${KEPT_DAYS} days is kept, since ${iso(Date.parse(world.today) - KEPT_DAYS * DAY_MS)}`,
      );
    return { city: place.name, kind: ahead > 0 ? "forecast" : "observed", ...weatherOf(world.seed, place, date) };
  },
  "/weather/forecast"(world, { city, days = "5" }) {
    const place = cityOf(world, city);
    const count = Number(days);
    if (!Number.isInteger(count) || count < 1 || count > FORECAST_DAYS)
      throw new RequestError(400, `days must be from 1 to ${FORECAST_DAYS}`);
    const start = Date.parse(world.today);
    return {
      city: place.name,
      days: Array.from({ length: count }, (_, i) => weatherOf(world.seed, place, iso(start + (i + 1) * DAY_MS))),
    };
  },
};

const maps: Readonly<Record<string, Route>> = {
  "/maps/cities": ({ geography }) =>
    geography.cities.map(({ name, population, altitude }) => ({ name, population, altitude })),
  "/maps/route"(world, { from, to, by = "minutes" }) {
    const [start, end] = [cityOf(world, from), cityOf(world, to)];
    if (by !== "km" && by !== "minutes") throw new RequestError(400, "by must be km or minutes");
    return findRoute(world.geography, start.name, end.name, by);
  },
  "/maps/distance"(world, { from, to }) {
    const [start, end] = [cityOf(world, from), cityOf(world, to)];
    return { from: start.name, to: end.name, km: round(distance(start, end)) };
  },
  "/maps/places"(world, { city, kind, minutes, openAt }) {
    const place = cityOf(world, city);
    if (kind !== undefined)
      known("kind of place", PLACE_KINDS, kind, (name) => name, `there are ${PLACE_KINDS.join(", ")}`);
    const hour = openAt === undefined ? undefined : Number(openAt);
    return world.geography.places
      .filter((found) => found.city === place.name && (kind === undefined || found.kind === kind.toLowerCase()))
      .filter(({ opens, closes }) => hour === undefined || (opens <= hour && hour < closes))
      .map(({ x, y, city: _, ...found }) => ({
        ...found,
        kmFromCentre: round(Math.hypot(x, y), 2),
        walkMinutes: round(Math.hypot(x, y) * 12, 0),
      }))
      .filter(({ walkMinutes }) => minutes === undefined || walkMinutes <= Number(minutes))
      .sort((a, b) => a.kmFromCentre - b.kmFromCentre);
  },
};

const tradesOf = ({ market }: WorldData, symbol = "") => {
  const company = known("share", market.companies, symbol, (company) => company.symbol, "stocks_list has them");
  return { company, trades: market.trades.get(company.symbol)! };
};

const MOST_TRADES = 100;

const stocks: Readonly<Record<string, Route>> = {
  "/stocks/list": ({ market }) => market.companies,
  "/stocks/quote"(world, { symbol, date }) {
    const { company, trades } = tradesOf(world, symbol);
    if (date !== undefined) dayOf(date);
    const at = date === undefined ? trades.length - 1 : trades.findLastIndex((trade) => trade.date <= date);
    const trade = trades[at];
    if (trade === undefined) throw new RequestError(400, `trades are known since ${trades[0]!.date}`);
    const before = trades[at - 1];
    const change = before === undefined ? null : round(trade.close - before.close, 2);
    return { symbol: company.symbol, name: company.name, ...trade, change, currency: "EUR" };
  },
  "/stocks/history"(world, { symbol, from, to = world.today }) {
    const { company, trades } = tradesOf(world, symbol);
    const [start, end] = [iso(dayOf(from)), iso(dayOf(to))];
    const found = trades.filter(({ date }) => date >= start && date <= end);
    if (found.length > MOST_TRADES)
      throw new RequestError(400, `${found.length} days of trade; ask for at most ${MOST_TRADES}`);
    return { symbol: company.symbol, currency: "EUR", trades: found };
  },
};

/** Every address. */
export const ROUTES: ReadonlyMap<string, Route> = new Map(Object.entries({ ...weather, ...maps, ...stocks }));
