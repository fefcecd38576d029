import { seeded } from "../random.ts";

/** A piece of furniture: things lie on it or in it. */
export type Furniture = { name: string; room: string; isContainer: boolean; isOpen: boolean };

/** A thing that can be carried. */
export type Thing = { name: string /** The furniture that it is on or in, or `"hands"`. */; place: string };

/** Something with a switch, or a temperature. */
export type Device = { name: string; room: string; isOn: boolean; degrees: number | null };

/** A household and the robot in it. */
export type HouseState = {
  room: string;
  doors: [string, string][];
  furniture: Furniture[];
  things: Thing[];
  devices: Device[];
};

const ROOMS = ["kitchen", "living room", "bedroom", "bathroom", "study", "hall"];
const FURNITURE: readonly (readonly [name: string, room: string, isContainer: boolean])[] = [
  ["kitchen table", "kitchen", false],
  ["fridge", "kitchen", true],
  ["cupboard", "kitchen", true],
  ["sofa", "living room", false],
  ["bookshelf", "living room", false],
  ["sideboard", "living room", true],
  ["bed", "bedroom", false],
  ["wardrobe", "bedroom", true],
  ["sink", "bathroom", false],
  ["medicine cabinet", "bathroom", true],
  ["desk", "study", false],
  ["filing cabinet", "study", true],
  ["shoe rack", "hall", false],
];
const THINGS = [
  "apple",
  "book",
  "mug",
  "keys",
  "umbrella",
  "towel",
  "lemon",
  "scarf",
  "laptop",
  "plate",
  "candle",
  "vase",
  "wallet",
  "blanket",
  "newspaper",
  "torch",
];

/** The household of a seed: six rooms around the hall, and fourteen things somewhere. */
export function sampleHouse(seed: number): HouseState {
  const random = seeded(seed, "house");
  const furniture = FURNITURE.map(([name, room, isContainer]) => ({ name, room, isContainer, isOpen: false }));
  const things = random.sample(THINGS, 14).map((name) => ({ name, place: random.pick(furniture).name }));
  const lamps = ROOMS.map((room) => ({ name: `${room} lamp`, room, isOn: random.chance(0.5), degrees: null }));
  const doors: [string, string][] = [
    ...ROOMS.slice(0, 5).map((room): [string, string] => ["hall", room]),
    ["kitchen", "living room"],
  ];
  const heaters = ["bedroom", "living room"].map((room) => ({
    name: `${room} heater`,
    room,
    isOn: random.chance(0.5),
    degrees: random.integer(16, 23),
  }));
  return { room: random.pick(ROOMS), doors, furniture, things, devices: [...lamps, ...heaters] };
}
