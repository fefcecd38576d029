import * as z from "zod";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { PLACE_KINDS } from "../world/geography.ts";
import { type WorldOptions, worldOf } from "../world/world.ts";

const city = z.string().min(1).max(60);

/** Cities, roads and places of a simulated country, asked for over HTTP on this machine. */
export function maps(options: WorldOptions = {}): Toolkit<null> {
  const { world, close } = worldOf("maps", options);
  return makeToolkit({
    id: "maps",
    about: "Finds ways between the cities of the country, and places in them.",
    state: null,
    schema: z.null(),
    close,
    tools: (define) => [
      define({
        verb: "cities",
        description: "Lists the cities with their population and height above the sea in metres.",
        input: z.strictObject({}),
        effects: "reads",
        run: (_, __, { signal }) => world.get("/maps/cities", {}, signal),
      }),
      define({
        verb: "route",
        description: "Finds the best way by road from one city to another: the cities on it, kilometres, and minutes.",
        input: z.strictObject({
          from: city,
          to: city,
          by: z.enum(["minutes", "km"]).optional().describe('What is to be least. @default "minutes"'),
        }),
        effects: "reads",
        run: ({ from, to, by }, _, { signal }) => world.get("/maps/route", { from, to, by }, signal),
      }),
      define({
        verb: "distance",
        description: "Tells the distance between two cities as the crow flies, in kilometres.",
        input: z.strictObject({ from: city, to: city }),
        effects: "reads",
        run: ({ from, to }, _, { signal }) => world.get("/maps/distance", { from, to }, signal),
      }),
      define({
        verb: "places",
        description: `Lists places in a city, the nearest to its centre first, with rating (1 to 5), hours, and minutes on foot from the centre. Kinds are ${PLACE_KINDS.join(", ")}.`,
        input: z.strictObject({
          city,
          kind: z.string().max(30).optional().describe("Only this kind."),
          minutes: z.int().min(1).max(120).optional().describe("At most so many minutes on foot from the centre."),
          openAt: z.int().min(0).max(23).optional().describe("Open at this full hour of the day."),
        }),
        effects: "reads",
        run: ({ city, kind, minutes, openAt }, _, { signal }) =>
          world.get("/maps/places", { city, kind, minutes, openAt }, signal),
      }),
    ],
  });
}
