/**
 * The released data of the reference study, from a user's own copy of its repository. They come without a licence, so none of them is
 * part of this package, and tables of its participants are not read.
 */
import { type Files, FormatError, hasFile, openFiles } from "@cambium/base";
import type { ConditionActivations } from "../neurons/condition-activations.ts";
import { pairCount, type Rdm, rdmOf } from "../rdm/rdm.ts";
import { numberOf, readCsv } from "./csv.ts";

const DATA = "Data/preprocessed";
const NEURONS = "Data/raw_data/PLM/prompt_tuning_RoBERTa/neurons_activation_before_relu";
const MASKING = "Result/masking/RoBERTa";
const [LAYERS, WIDTH] = [12, 3072];
/** Seeds of the prompts. */
const SEEDS = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 42, 100];

/** Accuracies of one emotion's prompt of one seed, by attribute and number of neurons. */
export interface ReferenceAblation {
  readonly emotion: string;
  readonly seed: number;
  readonly intact: number;
  /** `[attribute][K]`, K as a key; under the attribute's neurons, and under as many random ones. */
  readonly selective: Readonly<Record<string, Readonly<Record<number, number>>>>;
  readonly random: Readonly<Record<string, Readonly<Record<number, number>>>>;
}

/** What the study released. */
export interface ReferenceStudy {
  /** The 27 emotions in the order of all its tables. */
  readonly emotions: readonly string[];
  /** Distances by each of the 14 attributes, by the name of its column. */
  readonly attributes: Readonly<Record<string, Rdm>>;
  /** Group means, 0 to 1, by emotion. */
  readonly ratings: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Judged similarity, of each of 61 people and on average. */
  readonly human: readonly Rdm[];
  readonly meanHuman: Rdm;
  /** Activations of the prompts, twelve repeats of 12 layers of 3,072 neurons. Reads 324 files, some 120 MB. */
  activations(): Promise<ConditionActivations>;
  /** Accuracies under ablation. Reads 648 files. */
  ablations(): Promise<readonly ReferenceAblation[]>;
}

/**
 * Opens a copy of the study's repository.
 *
 * @throws {FormatError} Naming the file that is missing or other than it must be.
 * @see Li et al. 2024, arXiv:2302.09582; its repository is thunlp/Model_Emotion.
 */
export async function loadReferenceStudy(from: string | Files): Promise<ReferenceStudy> {
  const files = typeof from === "string" ? openFiles(from) : from;
  const read = async (name: string): Promise<string> => {
    if (await hasFile(files, name)) return new TextDecoder().decode(await files.read(name));
    throw new FormatError({
      message: `loadReferenceStudy: there is no ${name}; is this a copy of the whole repository?`,
      name,
    });
  };
  const table = async (name: string) => readCsv("loadReferenceStudy", await read(name));
  const numbers = (row: readonly string[], name: string): number[] =>
    row.map((cell, i) => numberOf("loadReferenceStudy", cell, `column ${i + 1} of ${name}`));

  const emotions = namesIn(await read(`${DATA}/reordered_emotions.csv`));
  const pairs = pairCount(emotions.length);
  // Pairs run down the columns of the lower triangle, which is along the rows of the upper one: the order of an RDM here.
  const rdm = (values: ArrayLike<number>, metric: string, name: string): Rdm => {
    if (values.length === pairs) return rdmOf(emotions, values, metric);
    throw new FormatError({
      message: `loadReferenceStudy: ${name} has ${values.length} distances of ${emotions.length} emotions, which have ${pairs} pairs`,
      name,
    });
  };
  const columns = (rows: readonly (readonly number[])[], at: number): Float64Array =>
    Float64Array.from(rows, (row) => row[at]!);

  const distancesFile = `${DATA}/emotional_features/dist_emotional_PCs.csv`;
  const scoresFile = `${DATA}/emotional_features/score_emotional_PCs.csv`;
  const [distances, scores] = [await table(distancesFile), await table(scoresFile)];
  const distanceRows = distances.rows.map((row) => numbers(row, distancesFile));
  const scoreRows = scores.rows.map((row) => numbers(row, scoresFile));
  if (scoreRows.length !== emotions.length) {
    throw new FormatError({
      message: `loadReferenceStudy: ${scoresFile} has ${scoreRows.length} rows for ${emotions.length} emotions`,
      name: scoresFile,
    });
  }
  const peopleFile = `${DATA}/subjective_comparison/ind_dist_subjective_comparison.csv`;
  const meanFile = `${DATA}/subjective_comparison/avg_dist_subjective_comparison.csv`;
  const people = numberRows(await read(peopleFile), peopleFile);
  const average = numberRows(await read(meanFile), meanFile).flat();
  return {
    emotions,
    attributes: Object.fromEntries(
      distances.header.map((name, at) => [name, rdm(columns(distanceRows, at), "difference", distancesFile)]),
    ),
    ratings: Object.fromEntries(
      scores.header.map((name, at) => [
        name,
        Object.fromEntries(emotions.map((emotion, e) => [emotion, scoreRows[e]![at]!])),
      ]),
    ),
    human: people.map((values) => rdm(values, "judged", peopleFile)),
    meanHuman: rdm(average, "judged", meanFile),
    activations: () => readActivations(emotions, read),
    ablations: () => readAblations(emotions, read),
  };
}

/** Names in a column, below a header or not, with a number in front or not. */
function namesIn(content: string): readonly string[] {
  const { header, rows } = readCsv("loadReferenceStudy", content);
  const last = (row: readonly string[]): string => row.at(-1)!.trim();
  const names = rows.map(last);
  const isHeader = /^(x|v\d+|\d+|emotions?|name|)$/i.test(last(header));
  return isHeader ? names : [last(header), ...names];
}

/** Rows of numbers, below a header or not. */
function numberRows(content: string, name: string): number[][] {
  const lines = content.split(/\r?\n/).filter((line) => line.trim() !== "");
  const cells = lines.map((line) => line.split(",").map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
  // A row with a number is data, though judgements may be missing in it.
  const hasNumber = (row: readonly string[]): boolean =>
    row.some((cell) => cell !== "" && Number.isFinite(Number(cell)));
  const rows = cells[0] !== undefined && !hasNumber(cells[0]) ? cells.slice(1) : cells;
  return rows.map((row, i) => row.map((cell) => numberOf("loadReferenceStudy", cell, `row ${i + 1} of ${name}`)));
}

async function readActivations(
  emotions: readonly string[],
  read: (name: string) => Promise<string>,
): Promise<ConditionActivations> {
  const sites = Array.from({ length: LAYERS }, (_, layer) => ({ path: `L${layer}.ffn.act`, layer, width: WIDTH }));
  const values = new Map(sites.map(({ path }) => [path, SEEDS.map((): Float32Array[] => [])]));
  for (const [r, seed] of SEEDS.entries()) {
    for (const emotion of emotions) {
      const name = `${NEURONS}/${emotion}-${seed}.csv`;
      const line = (await read(name)).split(/\r?\n/)[1] ?? "";
      const row = Float32Array.from(line.split(","), Number);
      if (row.length !== LAYERS * WIDTH || row.some(Number.isNaN)) {
        throw new FormatError({
          message: `loadReferenceStudy: the second line of ${name} must hold ${LAYERS * WIDTH} numbers, got ${row.length}`,
          name,
        });
      }
      for (const [layer, { path }] of sites.entries())
        values.get(path)![r]!.push(row.slice(layer * WIDTH, (layer + 1) * WIDTH));
    }
  }
  return { conditions: emotions, sites, values };
}

async function readAblations(
  emotions: readonly string[],
  read: (name: string) => Promise<string>,
): Promise<readonly ReferenceAblation[]> {
  const found: ReferenceAblation[] = [];
  for (const emotion of emotions) {
    for (const seed of SEEDS) {
      const [selective, random] = (await Promise.all(
        (["RSA_tau_14property", "random"] as const).map(async (kind) => {
          const name = `${MASKING}/${kind}/Acc_perSeed_JSON/${emotion}-${seed}.json`;
          return { name, json: JSON.parse(await read(name)) as Readonly<Record<string, unknown>> };
        }),
      )) as [NamedJson, NamedJson];
      const intact = selective.json["best"];
      if (typeof intact !== "number")
        throw new FormatError({
          message: `loadReferenceStudy: ${selective.name} has no number "best"`,
          name: selective.name,
        });
      found.push({
        emotion,
        seed,
        intact,
        selective: byAttribute(selective, "top"),
        random: byAttribute(random, "random"),
      });
    }
  }
  return found;
}

interface NamedJson {
  readonly name: string;
  readonly json: Readonly<Record<string, unknown>>;
}

function byAttribute({ name, json }: NamedJson, word: "top" | "random"): Record<string, Record<number, number>> {
  const found: Record<string, Record<number, number>> = {};
  for (const [key, value] of Object.entries(json)) {
    const [, attribute, count] = new RegExp(`^(.+)_${word}(\\d+)$`).exec(key) ?? [];
    if (attribute === undefined || typeof value !== "number") continue; // best, the emotion, the seed
    found[attribute] = { ...found[attribute], [Number(count)]: value };
  }
  if (Object.keys(found).length > 0) return found;
  throw new FormatError({ message: `loadReferenceStudy: ${name} has no accuracies such as valence_${word}4000`, name });
}
