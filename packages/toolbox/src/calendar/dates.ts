import { nearest } from "@cambium/base";
import { Temporal } from "temporal-polyfill";
import { refuse } from "../refuse.ts";

/** What Temporal says, in words for the model. */
function reading<Value>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    return refuse(`${what}: ${(error as Error).message}`);
  }
}

const ZONES = new Set(Intl.supportedValuesOf("timeZone"));

/** A time zone's own name. @throws {ToolError} For one that does not exist, naming the nearest. */
export function zoneOf(name: string): string {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId;
  } catch {
    const city = (zone: string): string => zone.split("/").at(-1)!;
    const wanted = name.replaceAll(" ", "_");
    const close =
      [...ZONES].find((zone) => city(zone).toLowerCase() === wanted.toLowerCase()) ?? nearest(wanted, ZONES);
    return refuse(
      `no time zone "${name}"; ${close === undefined ? 'use names such as "Europe/Berlin"' : `is "${close}" meant?`}`,
    );
  }
}

/** `2026-03-02`. */
export function dateOf(text: string): Temporal.PlainDate {
  return reading(`"${text}" is no date such as 2026-03-02`, () =>
    Temporal.PlainDate.from(text, { overflow: "reject" }),
  );
}

/** `2026-03-02T09:00` in a zone. A time that a change of clocks skips or repeats is refused. */
export function momentOf(text: string, zone: string): Temporal.ZonedDateTime {
  const local = reading(`"${text}" is no local time such as 2026-03-02T09:00`, () =>
    Temporal.PlainDateTime.from(text, { overflow: "reject" }),
  );
  return reading(`${text} in ${zone} does not exist or exists twice, because the clocks change`, () =>
    local.toZonedDateTime(zone, { disambiguation: "reject" }),
  );
}

/** `2026-03-02T09:00`. */
export function local(moment: Temporal.ZonedDateTime): string {
  return moment.toPlainDateTime().toString({ smallestUnit: "minute" });
}

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** The English name of a date's day of the week. */
export function weekdayOf(date: { readonly dayOfWeek: number }): string {
  return WEEKDAYS[date.dayOfWeek - 1]!;
}

/** A moment as the tools show it. */
export interface ShownMoment {
  readonly local: string;
  readonly zone: string;
  readonly weekday: string;
  readonly utc: string;
  readonly offset: string;
}

export function showMoment(moment: Temporal.ZonedDateTime): ShownMoment {
  return {
    local: local(moment),
    zone: moment.timeZoneId,
    weekday: weekdayOf(moment),
    utc: moment.toInstant().toString({ smallestUnit: "minute" }),
    offset: moment.offset,
  };
}
