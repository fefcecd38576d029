import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, onTestFinished, test } from "vitest";
import { maps } from "../maps/tool.ts";
import { stocks } from "../stocks/tool.ts";
import type { Toolkit } from "../toolkit.ts";
import { weather } from "../weather/tool.ts";
import { distance, findRoute, makeGeography } from "./geography.ts";
import { makeMarket } from "./market.ts";
import { weatherOf } from "./sky.ts";
import { openWorld } from "./world.ts";

async function ask(kit: Toolkit, name: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(name)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure;
}

test("equal seeds give equal worlds, other seeds others", () => {
  expect(makeGeography(5)).toEqual(makeGeography(5));
  expect(makeGeography(5)).not.toEqual(makeGeography(6));
  const city = makeGeography(5).cities[0]!;
  expect(weatherOf(5, city, "2026-03-02")).toEqual(weatherOf(5, city, "2026-03-02"));
  expect(makeMarket(5, "2026-03-02").trades.get("OAK")!.slice(0, 100)).toEqual(
    makeMarket(5, "2026-01-02").trades.get("OAK")!.slice(0, 100),
  );
});

test("every city is reached from every other, by a way that is no shorter than the crow flies, and the same back", () => {
  const geography = makeGeography(9);
  for (const a of geography.cities.slice(0, 4)) {
    for (const b of geography.cities) {
      const [there, back] = [findRoute(geography, a.name, b.name, "km")!, findRoute(geography, b.name, a.name, "km")!];
      expect(there.km).toBeGreaterThanOrEqual(distance(a, b) - 0.1);
      expect(there.km).toBeCloseTo(back.km, 6);
      expect(findRoute(geography, a.name, b.name, "minutes")!.minutes).toBeLessThanOrEqual(there.minutes);
    }
  }
});

test("a day's prices lie between its low and high, and nothing is traded at weekends", () => {
  const all = [...makeMarket(2, "2026-03-02").trades.values()].flat();
  const wrong = all.filter(
    ({ date, open, close, low, high }) =>
      Math.min(open, close) < low || Math.max(open, close) > high || [0, 6].includes(new Date(date).getUTCDay()),
  );
  expect(all.length).toBeGreaterThan(6000);
  expect(wrong).toEqual([]);
});

test("summers are warmer than winters, and a day's low is below its high", () => {
  const city = makeGeography(4).cities[0]!;
  const mean = (month: string): number =>
    Array.from({ length: 28 }, (_, i) => weatherOf(4, city, `2026-${month}-${String(i + 1).padStart(2, "0")}`)).reduce(
      (sum, { low, high }) => sum + (low < high ? high : Number.NaN),
      0,
    ) / 28;
  expect(mean("07")).toBeGreaterThan(mean("01") + 10);
});

test("kits share a world's server, a closed one starts again, and a closed server refuses connections", async () => {
  const world = openWorld({ seed: 7 });
  onTestFinished(() => world.close());
  const [sky, roads] = [weather({ world }), maps({ world })];
  const { name } = world.data.geography.cities[0]!;
  expect(await ask(sky, "weather_day", { city: name.toUpperCase() })).toMatchObject({
    city: name,
    date: "2026-03-02",
    kind: "observed",
  });
  const url = await world.url();
  await sky.close(); // the world is not its own
  expect(await ask(roads, "maps_cities", {})).toHaveLength(18);
  expect(await (await fetch(`${url}/etc/passwd`)).json()).toEqual({ error: "nothing is at /etc/passwd" });
  expect((await fetch(`${url}/maps/cities`, { method: "POST" })).status).toBe(405);
  await world.close();
  await expect(fetch(`${url}/maps/cities`)).rejects.toThrow();
  expect(await ask(roads, "maps_cities", {})).toHaveLength(18);
});

test.each([
  [weather, "weather_day", { city: "Aldermore" }, 'is "Aldermoor" meant?'],
  [weather, "weather_day", { city: "Aldermoor", date: "2026-02-30" }, "is no date"],
  [weather, "weather_day", { city: "Aldermoor", date: "2026-03-13" }, "forecasts reach 10 days ahead"],
  [weather, "weather_day", { city: "Aldermoor", date: "2020-01-01" }, "kept, since 2025-03-02"],
  [stocks, "stocks_quote", { symbol: "XYZ" }, "stocks_list has them"],
  [stocks, "stocks_history", { symbol: "OAK", from: "2025-01-01" }, "at most 100"],
  [stocks, "stocks_quote", { symbol: "OAK", date: "2000-01-01" }, "known since 2024-01-01"],
  [maps, "maps_places", { city: "Aldermoor", kind: "casino" }, "there are café"],
])("a wrong question is answered with what would be right: %o %s %o", async (make, name, input, message) => {
  const kit = make();
  onTestFinished(() => kit.close());
  expect(await ask(kit, name, input)).toMatchObject({ code: "TOOL_ERROR", message: expect.stringContaining(message) });
});
