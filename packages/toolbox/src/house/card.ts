import { type Call, makeCard, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import { until } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { type HouseState, sampleHouse } from "./sample.ts";

interface View {
  readonly room: string;
  readonly doorsTo: readonly string[];
  readonly furniture: readonly {
    readonly name: string;
    readonly isOpen?: boolean;
    readonly on?: readonly string[];
    readonly in?: readonly string[];
  }[];
  readonly devices: readonly { readonly name: string; readonly isOn: boolean; readonly degrees?: number }[];
}

/** Goes to a room and tells what is seen there. */
type GoTo = (room: string) => Promise<View>;

/** Looks around once, then goes from room to room, through the hall where no door leads there at once. */
function walker(call: Call): GoTo {
  let here: View | undefined;
  return async (room) => {
    here ??= await call<View>("house_look", {});
    if (here.room !== room && !here.doorsTo.includes(room)) here = await call<View>("house_go", { room: "hall" });
    if (here.room !== room) here = await call<View>("house_go", { room });
    return here;
  };
}

/** Looks into every piece of furniture of every room until the thing is in sight; gives the furniture. */
async function seek(call: Call, goTo: GoTo, thing: string, rooms: readonly string[]): Promise<string> {
  for (const room of rooms) {
    for (const { name, on, isOpen } of (await goTo(room)).furniture) {
      const holds =
        on ??
        (isOpen === undefined ? [] : ((await call<{ in: string[] }>("house_open", { furniture: name })).in ?? []));
      if (holds.includes(thing)) return name;
    }
  }
  throw new Error(`internal: the ${thing} is nowhere`);
}

const placeOf = ({ things }: HouseState, thing: string): string => things.find(({ name }) => name === thing)!.place;

/** Instructions for `house` of the same seed. */
export function houseCard(setup: FullSetup, each: number): ToolCard {
  const start = sampleHouse(setup.seed);
  const rooms = [...new Set(start.doors.flat())];
  const roomOf = (furniture: string): string => start.furniture.find(({ name }) => name === furniture)!.room;
  /** Things elsewhere than at the start, but for these. */
  const strayed = (state: HouseState, but: readonly string[]): boolean =>
    start.things.some(({ name, place }) => !but.includes(name) && placeOf(state, name) !== place);
  const devicesKept = (state: HouseState, but = ""): boolean =>
    start.devices.every(
      (device) =>
        device.name === but ||
        JSON.stringify(device) === JSON.stringify(state.devices.find(({ name }) => name === device.name)),
    );

  return makeCard("house", setup, each, {
    find(random) {
      const { name, place } = random.pick(start.things);
      return {
        instruction: `Where is the ${name}? Name the piece of furniture that it is on or in.`,
        expert: async (call) => `The ${name} is in or on the ${await seek(call, walker(call), name, rooms)}.`,
        succeeds: ({ answer, state }) =>
          names(
            answer,
            [place],
            start.furniture.map((piece) => piece.name),
          ) && !strayed(state as HouseState, []),
      };
    },
    bring(random) {
      const [thing, target] = until(
        () => [random.pick(start.things), random.pick(start.furniture)] as const,
        ([thing, target]) => thing.place !== target.name,
      );
      return {
        instruction: `Bring the ${thing.name} to the ${target.room} and put it ${target.isContainer ? "into" : "on"} the ${target.name}.`,
        async expert(call) {
          const goTo = walker(call);
          await seek(call, goTo, thing.name, rooms);
          await call("house_take", { thing: thing.name });
          await goTo(target.room);
          if (target.isContainer) await call("house_open", { furniture: target.name });
          await call("house_put", { thing: thing.name, furniture: target.name });
          return `The ${thing.name} is at the ${target.name}.`;
        },
        succeeds: ({ state }) =>
          placeOf(state as HouseState, thing.name) === target.name &&
          !strayed(state as HouseState, [thing.name]) &&
          devicesKept(state as HouseState),
      };
    },
    lamp(random) {
      const lamp = random.pick(start.devices.filter(({ degrees }) => degrees === null));
      return {
        instruction: `Switch the ${lamp.name} ${lamp.isOn ? "off" : "on"}.`,
        async expert(call) {
          await walker(call)(lamp.room);
          await call("house_switch", { device: lamp.name, on: !lamp.isOn });
          return "It is switched.";
        },
        succeeds: ({ state }) =>
          (state as HouseState).devices.find(({ name }) => name === lamp.name)!.isOn === !lamp.isOn &&
          devicesKept(state as HouseState, lamp.name) &&
          !strayed(state as HouseState, []),
      };
    },
    heater(random) {
      const heater = random.pick(start.devices.filter(({ degrees }) => degrees !== null));
      const degrees = until(
        () => random.integer(15, 25),
        (value) => value !== heater.degrees,
      );
      return {
        instruction: `Turn the ${heater.name} on and set it to ${degrees} degrees.`,
        async expert(call) {
          await walker(call)(heater.room);
          await call("house_switch", { device: heater.name, on: true, degrees });
          return `The ${heater.name} is set to ${degrees} degrees.`;
        },
        succeeds: ({ state }) => {
          const now = (state as HouseState).devices.find(({ name }) => name === heater.name)!;
          return (
            now.isOn &&
            now.degrees === degrees &&
            devicesKept(state as HouseState, heater.name) &&
            !strayed(state as HouseState, [])
          );
        },
      };
    },
    count(random) {
      const room = random.pick(rooms);
      const instruction = `How many things are in the ${room} altogether, on the furniture and inside it?`;
      return {
        instruction,
        async expert(call) {
          let count = 0;
          for (const { name, on, isOpen } of (await walker(call)(room)).furniture)
            count += (
              on ?? (isOpen === undefined ? [] : (await call<{ in: string[] }>("house_open", { furniture: name })).in)
            ).length;
          return `There are ${count}.`;
        },
        succeeds: ({ answer, state }) =>
          givesNumber(answer, start.things.filter(({ place }) => roomOf(place) === room).length, { instruction }) &&
          !strayed(state as HouseState, []),
      };
    },
  });
}
