import * as z from "zod";
import type { Schedule } from "../schedules.ts";

/** A learning rate: a number of at least 0, or a schedule. */
export const learningRateSchema: z.ZodType<number | Schedule> = z.union([
  z.number().nonnegative(),
  z.custom<Schedule>((value) => typeof value === "function"),
]);

/** A number of at least 0 and less than 1. */
export const fractionSchema: z.ZodType<number> = z.number().nonnegative().lt(1);
