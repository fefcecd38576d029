import * as z from "zod";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { FORECAST_DAYS, KEPT_DAYS } from "../world/routes.ts";
import { type WorldOptions, worldOf } from "../world/world.ts";

const city = z.string().min(1).max(60).describe("Name of the city.");

/** Weather of a simulated country, asked for over HTTP on this machine. */
export function weather(options: WorldOptions = {}): Toolkit<null> {
  const { world, close } = worldOf("weather", options);
  return makeToolkit({
    id: "weather",
    about: "Tells the weather in the cities of the country, past and to come.",
    state: null,
    schema: z.null(),
    close,
    tools: (define) => [
      define({
        verb: "day",
        description: `Tells the weather of one day in a city: condition, lowest and highest temperature in °C, rain in mm, wind in km/h, humidity in percent. Reaches ${KEPT_DAYS} days back and ${FORECAST_DAYS} ahead.`,
        input: z.strictObject({
          city,
          date: z.string().max(10).optional().describe('The day, for example "2026-03-02". @default today'),
        }),
        effects: "reads",
        run: ({ city, date }, _, { signal }) => world.get("/weather/day", { city, date }, signal),
      }),
      define({
        verb: "forecast",
        description: "Tells the weather of the next days in a city, from tomorrow on.",
        input: z.strictObject({ city, days: z.int().min(1).max(FORECAST_DAYS).describe("How many days.") }),
        effects: "reads",
        run: ({ city, days }, _, { signal }) => world.get("/weather/forecast", { city, days }, signal),
      }),
    ],
  });
}
