import { checkOptions, nearest } from "@cambium/base";
import * as z from "zod";
import { refuse } from "../refuse.ts";
import { fullSetup, type Setup } from "../setup.ts";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { type Device, type Furniture, type HouseState, sampleHouse, type Thing } from "./sample.ts";

/** Options of `house`. */
export interface HouseOptions extends Pick<Setup, "seed"> {
  /** The household at the start. @default made up from the seed */
  readonly start?: HouseState;
}

const HANDS = "hands";
const MOST_CARRIED = 2;

const stateSchema = z.strictObject({
  room: z.string(),
  doors: z.array(z.tuple([z.string(), z.string()])),
  furniture: z.array(
    z.strictObject({ name: z.string(), room: z.string(), isContainer: z.boolean(), isOpen: z.boolean() }),
  ),
  things: z.array(z.strictObject({ name: z.string(), place: z.string() })),
  devices: z.array(
    z.strictObject({ name: z.string(), room: z.string(), isOn: z.boolean(), degrees: z.number().nullable() }),
  ),
});

const name = z.string().trim().min(1).max(60);

function named<Item extends { readonly name: string }>(what: string, list: readonly Item[], wanted: string): Item {
  const found = list.find((item) => item.name === wanted.toLowerCase());
  if (found !== undefined) return found;
  const close = nearest(
    wanted,
    list.map((item) => item.name),
  );
  return refuse(
    `there is no ${what} "${wanted}" here${close === undefined ? "; look around first" : `; is "${close}" meant?`}`,
  );
}

const neighbours = ({ room, doors }: HouseState): string[] =>
  doors.flatMap(([a, b]) => (a === room ? [b] : b === room ? [a] : []));
const hereOf = <Item extends { readonly room: string }>(list: readonly Item[], { room }: HouseState): Item[] =>
  list.filter((item) => item.room === room);
const carried = ({ things }: HouseState): Thing[] => things.filter(({ place }) => place === HANDS);

/** What is seen of a piece of furniture: what is in a closed one is not. */
function seen({ name, isContainer, isOpen }: Furniture, { things }: HouseState): object {
  const holds = things.filter(({ place }) => place === name).map((thing) => thing.name);
  if (isContainer) return { name, isOpen, ...(isOpen ? { in: holds } : {}) };
  return { name, on: holds };
}

const device = ({ name, isOn, degrees }: Device): object => ({ name, isOn, ...(degrees === null ? {} : { degrees }) });

function look(state: HouseState): object {
  return {
    room: state.room,
    doorsTo: neighbours(state),
    furniture: hereOf(state.furniture, state).map((piece) => seen(piece, state)),
    devices: hereOf(state.devices, state).map(device),
    carrying: carried(state).map((thing) => thing.name),
  };
}

/** A simulated household with a robot: it goes from room to room, opens, takes, puts and switches. */
export function house(options: HouseOptions = {}): Toolkit<HouseState> {
  checkOptions("house", options, ["seed", "start"]);
  const { start, ...given } = options;
  const { seed } = fullSetup("house", given);
  return makeToolkit<HouseState>({
    id: "house",
    about: "Moves a robot through a household, where it finds, carries and switches things.",
    state: structuredClone(start) ?? sampleHouse(seed),
    schema: stateSchema,
    tools: (define) => [
      define({
        verb: "look",
        description:
          "Tells in which room the robot is, where its doors lead, what furniture and devices are there, what lies on open furniture, and what the robot carries. What is in closed furniture is not seen.",
        input: z.strictObject({}),
        effects: "reads",
        run: (_, state) => look(state),
      }),
      define({
        verb: "go",
        description: "Goes through a door into the next room, and looks around there.",
        input: z.strictObject({ room: name }),
        effects: "writes",
        run({ room }, state) {
          const next = neighbours(state);
          if (!next.includes(room.toLowerCase()))
            refuse(`no door leads from the ${state.room} to "${room}"; there are doors to ${next.join(", ")}`);
          state.room = room.toLowerCase();
          return look(state);
        },
      }),
      define({
        verb: "open",
        description: "Opens or closes a piece of furniture in this room, and tells what is in it.",
        input: z.strictObject({ furniture: name, close: z.boolean().optional().describe("Close it. @default false") }),
        effects: "writes",
        idempotent: true,
        run({ furniture, close = false }, state) {
          const piece = named("furniture", hereOf(state.furniture, state), furniture);
          if (!piece.isContainer) refuse(`the ${piece.name} cannot be opened`);
          piece.isOpen = !close;
          return seen(piece, state);
        },
      }),
      define({
        verb: "take",
        description: `Takes a thing that is in sight in this room. The robot carries at most ${MOST_CARRIED} things.`,
        input: z.strictObject({ thing: name }),
        effects: "writes",
        run({ thing }, state) {
          const visible = hereOf(state.furniture, state).filter(({ isContainer, isOpen }) => !isContainer || isOpen);
          const found = named(
            "thing in sight",
            state.things.filter(({ place }) => visible.some((piece) => piece.name === place)),
            thing,
          );
          if (carried(state).length >= MOST_CARRIED)
            refuse(`the robot carries ${MOST_CARRIED} things already; put one down first`);
          found.place = HANDS;
          return { carrying: carried(state).map((other) => other.name) };
        },
      }),
      define({
        verb: "put",
        description:
          "Puts a thing that the robot carries on or into a piece of furniture in this room. What has a door must be open.",
        input: z.strictObject({ thing: name, furniture: name }),
        effects: "writes",
        run({ thing, furniture }, state) {
          const found = named("carried thing", carried(state), thing);
          const piece = named("furniture", hereOf(state.furniture, state), furniture);
          if (piece.isContainer && !piece.isOpen) refuse(`the ${piece.name} is closed; open it first`);
          found.place = piece.name;
          return seen(piece, state);
        },
      }),
      define({
        verb: "switch",
        description: "Switches a device in this room on or off, and sets a heater's temperature in °C.",
        input: z.strictObject({ device: name, on: z.boolean(), degrees: z.int().min(5).max(30).optional() }),
        effects: "writes",
        idempotent: true,
        run({ device: wanted, on, degrees }, state) {
          const found = named("device", hereOf(state.devices, state), wanted);
          if (degrees !== undefined && found.degrees === null) refuse(`the ${found.name} has no temperature`);
          found.isOn = on;
          if (degrees !== undefined) found.degrees = degrees;
          return device(found);
        },
      }),
    ],
  });
}
