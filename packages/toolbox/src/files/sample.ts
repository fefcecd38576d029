import { seeded } from "../random.ts";

const PROJECTS = ["orchard", "lighthouse", "ferry", "greenhouse"];
const PEOPLE = ["Mara", "Tomas", "Priya", "Jakob", "Elena"];

/** The folder of a seed: notes, a log, a list and settings. */
export function sampleFiles(seed: number): { [name: string]: string } {
  const random = seeded(seed, "files");
  const [project, other] = random.sample(PROJECTS, 2) as [string, string];
  const log = Array.from(
    { length: 30 },
    (_, i) =>
      `2026-02-${String(1 + Math.floor(i / 2)).padStart(2, "0")} ${random.pick(["INFO", "INFO", "WARN", "ERROR"])} ${random.pick(["backup", "import", "sync", "mail"])} ${random.integer(1, 900)} ms`,
  );
  return {
    "notes/meeting.md": `# Meeting on the ${project}\n\nPresent: ${random.sample(PEOPLE, 3).join(", ")}\n\n- The budget is ${random.integer(20, 90) * 100} euros.\n- The opening is on 2026-0${random.integer(4, 9)}-1${random.integer(0, 9)}.\n`,
    "notes/ideas.md": `# Ideas for the ${other}\n\n- Ask ${random.pick(PEOPLE)} about the paint.\n- Rent a van.\n`,
    "logs/server.log": `${log.join("\n")}\n`,
    "shopping.txt": `${random.sample(["milk", "bread", "coffee", "apples", "rice", "soap", "candles"], 4).join("\n")}\n`,
    "settings.json": `${JSON.stringify({ name: project, port: random.integer(3000, 9000), debug: random.chance(0.5) }, null, 2)}\n`,
  };
}
