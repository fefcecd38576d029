import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import { onlyLargest, until } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { distance, type Geography, makeGeography, PLACE_KINDS, type Place } from "../world/geography.ts";

interface Way {
  readonly cities: readonly string[];
  readonly km: number;
  readonly minutes: number;
}

/** The least sum over all ways, by relaxing every road as often as there are cities (Bellman and Ford). */
function least(
  { cities, roads }: Geography,
  from: string,
  to: string,
  cost: (road: Geography["roads"][number]) => number,
): number {
  const best = new Map(cities.map(({ name }) => [name, name === from ? 0 : Number.POSITIVE_INFINITY]));
  for (let i = 0; i < cities.length; i++) {
    for (const road of roads) {
      best.set(road.a, Math.min(best.get(road.a)!, best.get(road.b)! + cost(road)));
      best.set(road.b, Math.min(best.get(road.b)!, best.get(road.a)! + cost(road)));
    }
  }
  return best.get(to)!;
}

/** Instructions for `maps` of the same setup. */
export function mapsCard(setup: FullSetup, each: number): ToolCard {
  const geography = makeGeography(setup.seed);
  const { cities, places } = geography;
  const all = cities.map(({ name }) => name);
  return makeCard("maps", setup, each, {
    shortest(random) {
      const [from, to] = random.sample(all, 2) as [string, string];
      const instruction = `How long is the shortest way by road from ${from} to ${to}, in kilometres?`;
      const right = least(geography, from, to, ({ km }) => km);
      return {
        instruction,
        expert: async (call) => `It is ${(await call<Way>("maps_route", { from, to, by: "km" })).km} km.`,
        succeeds: ({ answer }) => givesNumber(answer, right, { instruction, tolerance: 0.11 }),
      };
    },
    fastest(random) {
      const [from, to] = random.sample(all, 2) as [string, string];
      const instruction = `How many minutes does the fastest drive from ${from} to ${to} take?`;
      const right = least(geography, from, to, ({ km, kmPerHour }) => (km / kmPerHour) * 60);
      return {
        instruction,
        expert: async (call) => `It takes ${(await call<Way>("maps_route", { from, to })).minutes} minutes.`,
        succeeds: ({ answer }) => givesNumber(answer, right, { instruction, tolerance: 1 }),
      };
    },
    crow(random) {
      const [a, b] = random.sample(cities, 2) as [(typeof cities)[number], (typeof cities)[number]];
      const instruction = `How far apart are ${a.name} and ${b.name} as the crow flies, in kilometres?`;
      return {
        instruction,
        expert: async (call) => `${(await call<Way>("maps_distance", { from: a.name, to: b.name })).km} km.`,
        succeeds: ({ answer }) => givesNumber(answer, distance(a, b), { instruction, tolerance: 0.11 }),
      };
    },
    best(random) {
      const inCity = (city: string, kind: string): Place[] =>
        places.filter((place) => place.city === city && place.kind === kind);
      const [city, kind] = until(
        () => [random.pick(all), random.pick(PLACE_KINDS)] as const,
        ([city, kind]) =>
          inCity(city, kind).length > 1 && onlyLargest(inCity(city, kind), ({ rating }) => rating) !== undefined,
      );
      const right = onlyLargest(inCity(city, kind), ({ rating }) => rating)!;
      return {
        instruction: `Which ${kind} in ${city} has the best rating?`,
        async expert(call) {
          const found = await call<Place[]>("maps_places", { city, kind });
          return `The ${found.sort((a, b) => b.rating - a.rating)[0]!.name}.`;
        },
        succeeds: ({ answer }) =>
          names(
            answer,
            [right.name],
            inCity(city, kind).map(({ name }) => name),
          ),
      };
    },
    open(random) {
      const at = (city: string, hour: number): Place[] =>
        places.filter(
          (place) => place.city === city && place.kind === "pharmacy" && place.opens <= hour && hour < place.closes,
        );
      const [city, hour] = until(
        () => [random.pick(all), random.integer(8, 20)] as const,
        ([city, hour]) => onlyLargest(at(city, hour), ({ x, y }) => -Math.hypot(x, y)) !== undefined,
      );
      const right = onlyLargest(at(city, hour), ({ x, y }) => -Math.hypot(x, y))!;
      const others = places.filter((place) => place.city === city).map(({ name }) => name);
      return {
        instruction: `I am in the centre of ${city} and need a pharmacy at ${hour}:00. What is the nearest one called that is open then?`,
        async expert(call) {
          const [first] = await call<Place[]>("maps_places", { city, kind: "pharmacy", openAt: hour });
          return `It is the ${first!.name}.`;
        },
        succeeds: ({ answer }) => names(answer, [right.name], others),
      };
    },
  });
}
