import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import { onlyLargest, type Random, until } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { type City, makeGeography } from "../world/geography.ts";
import { type Day, weatherOf } from "../world/sky.ts";

const DAY_MS = 86_400_000;
type Report = Day & { readonly city: string };

/** Instructions for `weather` of the same setup. */
export function weatherCard(setup: FullSetup, each: number): ToolCard {
  const { seed, clock } = setup;
  const { cities } = makeGeography(seed);
  const today = Date.parse(clock.slice(0, 10));
  const dateOf = (after: number): string => new Date(today + after * DAY_MS).toISOString().slice(0, 10);
  const day = (city: City, after: number): Day => weatherOf(seed, city, dateOf(after));
  const three = (random: Random): City[] => random.sample(cities, 3);
  return makeCard("weather", setup, each, {
    temperature(random) {
      const [city, after, which] = [
        random.pick(cities),
        random.pick([-30, -7, -1, 1, 2, 5, 9]),
        random.pick(["highest", "lowest"]),
      ];
      const right = day(city, after)[which === "highest" ? "high" : "low"];
      const instruction = `What is the ${which} temperature in ${city.name} on ${dateOf(after)}, in °C?`;
      return {
        instruction,
        async expert(call) {
          const { low, high } = await call<Report>("weather_day", { city: city.name, date: dateOf(after) });
          return `It is ${which === "highest" ? high : low} °C.`;
        },
        succeeds: ({ answer }) => givesNumber(answer, right, { instruction }),
      };
    },
    rain(random) {
      const city = random.pick(cities);
      const days = random.integer(4, 10);
      const total =
        Math.round(Array.from({ length: days }, (_, i) => day(city, i + 1).rain * 10).reduce((a, b) => a + b)) / 10;
      const instruction = `How many millimetres of rain are forecast for ${city.name} in the next ${days} days together, from tomorrow on?`;
      return {
        instruction,
        async expert(call) {
          const forecast = await call<{ days: Day[] }>("weather_forecast", { city: city.name, days });
          return `${forecast.days.reduce((sum, { rain }) => sum + rain, 0).toFixed(1)} mm in all.`;
        },
        succeeds: ({ answer }) => givesNumber(answer, total, { instruction, tolerance: 0.051 }),
      };
    },
    warmest(random) {
      const [chosen, after] = until(
        () => [three(random), random.integer(1, 7)] as const,
        ([list, after]) => onlyLargest(list, (city) => day(city, after).high) !== undefined,
      );
      const right = onlyLargest(chosen, (city) => day(city, after).high)!;
      return {
        instruction: `Where will it be warmest on ${dateOf(after)}: in ${chosen[0]!.name}, ${chosen[1]!.name} or ${chosen[2]!.name}?`,
        async expert(call) {
          const found: Report[] = [];
          for (const { name } of chosen)
            found.push(await call<Report>("weather_day", { city: name, date: dateOf(after) }));
          return `In ${found.sort((a, b) => b.high - a.high)[0]!.city}.`;
        },
        succeeds: ({ answer }) =>
          names(
            answer,
            [right.name],
            chosen.map(({ name }) => name),
          ),
      };
    },
    windiest(random) {
      const week = (city: City): Day[] => Array.from({ length: 7 }, (_, i) => day(city, i + 1));
      const city = until(
        () => random.pick(cities),
        (city) => onlyLargest(week(city), ({ wind }) => wind) !== undefined,
      );
      const right = onlyLargest(week(city), ({ wind }) => wind)!.date;
      return {
        instruction: `On which of the next seven days is the wind in ${city.name} strongest? Answer with the date, year-month-day.`,
        async expert(call) {
          const { days } = await call<{ days: Day[] }>("weather_forecast", { city: city.name, days: 7 });
          return `On ${[...days].sort((a, b) => b.wind - a.wind)[0]!.date}.`;
        },
        succeeds: ({ answer }) =>
          names(
            answer,
            [right],
            week(city).map(({ date }) => date),
          ),
      };
    },
    sky(random) {
      const [city, after] = [random.pick(cities), random.integer(-20, 10)];
      const { condition } = day(city, after);
      return {
        instruction: `Was or will the sky over ${city.name} on ${dateOf(after)} be sunny, partly cloudy or overcast, or is it a day of rain, thunderstorm, snow or fog? Answer with that one condition.`,
        expert: async (call) =>
          `${(await call<Report>("weather_day", { city: city.name, date: dateOf(after) })).condition}.`,
        succeeds: ({ answer }) =>
          names(answer, [condition], ["sunny", "partly cloudy", "overcast", "rain", "thunderstorm", "snow", "fog"]),
      };
    },
  });
}
