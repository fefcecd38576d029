import { seeded } from "../random.ts";
import { type City, round } from "./geography.ts";

/** The weather of one day in one city. */
export interface Day {
  readonly date: string;
  readonly condition: "sunny" | "partly cloudy" | "overcast" | "rain" | "thunderstorm" | "snow" | "fog";
  /** °C. */
  readonly low: number;
  readonly high: number;
  /** mm. */
  readonly rain: number;
  /** km/h. */
  readonly wind: number;
  /** Percent. */
  readonly humidity: number;
}

const DAY_MS = 86_400_000;

/**
 * The weather of a day: the season, the height of the city, waves of a few days that reach all cities, and chance. It follows
 * from the seed alone, so that a forecast and what comes are the same.
 */
export function weatherOf(seed: number, city: City, date: string): Day {
  const number = Date.parse(date) / DAY_MS;
  const wave = (label: string, length: number): number => {
    const at = Math.floor(number / length);
    const [a, b] = [at, at + 1].map((i) => seeded(seed + i * 7919, label).next());
    const part = (number / length) % 1;
    return a! * (1 - part) + b! * part - 0.5;
  };
  const random = seeded(seed + number, `sky/${city.name}`);
  const season = -Math.cos((2 * Math.PI * ((number % 365.25) - 15)) / 365.25);
  const wet = wave("wet", 4) * 1.2 + random.next() * 0.5 - 0.25;
  const middle =
    10 +
    10 * season -
    city.altitude * 0.0065 +
    wave("warm", 5) * 10 +
    (random.next() - 0.5) * 3 -
    (city.y - 200) * 0.01;
  const spread = Math.max(2, 9 - wet * 8 + random.next() * 2);
  const rain = wet > 0.12 ? round((wet - 0.12) * 30 * random.next() + 0.2) : 0;
  const [low, high] = [round(middle - spread / 2), round(middle + spread / 2)];
  const wind = round(6 + 30 * Math.abs(wave("wind", 3)) + random.next() * 12, 0);
  const dry = wet < -0.25 ? "sunny" : wet < 0 ? "partly cloudy" : "overcast";
  const condition =
    rain === 0
      ? high < 8 && wind < 9
        ? "fog"
        : dry
      : high < 2
        ? "snow"
        : high > 24 && rain > 3
          ? "thunderstorm"
          : "rain";
  return {
    date,
    condition,
    low,
    high,
    rain,
    wind,
    humidity: Math.round(Math.min(99, Math.max(25, 60 + wet * 50 + random.next() * 10))),
  };
}
