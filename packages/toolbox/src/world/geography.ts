import { type Random, seeded } from "../random.ts";

/** A city of the simulated country. */
export interface City {
  readonly name: string;
  /** Kilometres to the east and to the north of the country's south-western corner. */
  readonly x: number;
  readonly y: number;
  readonly population: number;
  /** Metres above the sea. */
  readonly altitude: number;
}

/** A place to go to. */
export interface Place {
  readonly name: string;
  readonly kind: string;
  readonly city: string;
  /** Kilometres from the middle of the city. */
  readonly x: number;
  readonly y: number;
  /** From 1 to 5. */
  readonly rating: number;
  /** Hours of the day. */
  readonly opens: number;
  readonly closes: number;
}

/** A road, in both directions. */
export interface Road {
  readonly a: string;
  readonly b: string;
  readonly km: number;
  readonly kmPerHour: number;
}

/** Cities, roads between them, and places in them. */
export interface Geography {
  readonly cities: readonly City[];
  readonly roads: readonly Road[];
  readonly places: readonly Place[];
}

const NAMES = [
  "Aldermoor",
  "Brackwater",
  "Corvenhal",
  "Dunmere",
  "Eastvale",
  "Fennick",
  "Greyharbour",
  "Hollowell",
  "Ironbridge Cross",
  "Juniper Bay",
  "Kestrel Point",
  "Larkfield",
  "Mossgate",
  "Northwick",
  "Oakhaven",
  "Pellinore",
  "Quarrytown",
  "Ravensholm",
];
export const PLACE_KINDS: readonly string[] = [
  "café",
  "museum",
  "pharmacy",
  "park",
  "hotel",
  "bakery",
  "cinema",
  "library",
];
const FIRST = [
  "Blue",
  "Old",
  "Silver",
  "Corner",
  "Garden",
  "Lantern",
  "River",
  "Copper",
  "Crescent",
  "Willow",
  "Marble",
  "Fox",
];
const SIZE = 400;

export const round = (value: number, places = 1): number => Math.round(value * 10 ** places) / 10 ** places;

export function distance(
  a: { readonly x: number; readonly y: number },
  b: { readonly x: number; readonly y: number },
): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function makeCities(random: Random): City[] {
  const cities: City[] = [];
  for (const name of random.sample(NAMES, NAMES.length)) {
    let spot = { x: 0, y: 0 };
    do spot = { x: random.integer(10, SIZE - 10), y: random.integer(10, SIZE - 10) };
    while (cities.some((city) => distance(city, spot) < 45));
    cities.push({ name, ...spot, population: random.integer(8, 900) * 1000, altitude: random.integer(2, 900) });
  }
  return cities;
}

/** Each city to its three nearest, and what else keeps the country in one piece. */
function makeRoads(random: Random, cities: readonly City[]): Road[] {
  const roads = new Map<string, Road>();
  const add = (a: City, b: City): void => {
    const key = [a.name, b.name].sort().join("|");
    if (!roads.has(key))
      roads.set(key, {
        a: a.name,
        b: b.name,
        km: round(distance(a, b) * (1.05 + 0.3 * random.next())),
        kmPerHour: random.pick([60, 80, 100, 120]),
      });
  };
  for (const city of cities) {
    const others = cities.filter((other) => other !== city).sort((a, b) => distance(city, a) - distance(city, b));
    for (const other of others.slice(0, 3)) add(city, other);
  }
  const [first, ...rest] = cities;
  const joined = [first!];
  while (rest.length > 0) {
    const pairs = joined.flatMap((a) => rest.map((b) => ({ a, b, km: distance(a, b) })));
    const { a, b } = pairs.reduce((best, pair) => (pair.km < best.km ? pair : best));
    add(a, b);
    joined.push(...rest.splice(rest.indexOf(b), 1));
  }
  return [...roads.values()];
}

function makePlaces(random: Random, cities: readonly City[]): Place[] {
  return cities.flatMap(({ name: city }) =>
    PLACE_KINDS.flatMap((kind) =>
      random.sample(FIRST, random.integer(1, 3)).map((first) => ({
        name: `${first} ${kind[0]!.toUpperCase()}${kind.slice(1)}`,
        kind,
        city,
        x: round(random.next() * 8 - 4, 2),
        y: round(random.next() * 8 - 4, 2),
        rating: round(2 + 3 * random.next()),
        opens: random.integer(6, 11),
        closes: random.integer(16, 23),
      })),
    ),
  );
}

/** The country of a seed: eighteen cities in a square of 400 km. */
export function makeGeography(seed: number): Geography {
  const random = seeded(seed, "geography");
  const cities = makeCities(random);
  return { cities, roads: makeRoads(random, cities), places: makePlaces(random, cities) };
}

/** A way by road. */
export interface Route {
  readonly cities: readonly string[];
  readonly km: number;
  readonly minutes: number;
}

/** The way with the fewest kilometres or minutes, by Dijkstra's algorithm; `undefined` when there is none. */
export function findRoute(
  { cities, roads }: Geography,
  from: string,
  to: string,
  by: "km" | "minutes",
): Route | undefined {
  const minutesOf = (road: Road): number => (road.km / road.kmPerHour) * 60;
  const best = new Map<string, Route>([[from, { cities: [from], km: 0, minutes: 0 }]]);
  const open = new Set(cities.map(({ name }) => name));
  for (;;) {
    const current = [...open].filter((name) => best.has(name)).sort((a, b) => best.get(a)![by] - best.get(b)![by])[0];
    if (current === undefined) return undefined;
    const way = best.get(current)!;
    if (current === to) return { ...way, km: round(way.km), minutes: round(way.minutes, 0) };
    open.delete(current);
    for (const road of roads) {
      const next = road.a === current ? road.b : road.b === current ? road.a : undefined;
      if (next === undefined || !open.has(next)) continue;
      const longer = { cities: [...way.cities, next], km: way.km + road.km, minutes: way.minutes + minutesOf(road) };
      const known = best.get(next);
      if (known === undefined || longer[by] < known[by]) best.set(next, longer);
    }
  }
}
