import type { Molecule } from "openchemlib";
import * as z from "zod";
import { optional } from "../optional.ts";
import { refuse } from "../refuse.ts";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { ELEMENTS, type Element } from "./elements.ts";
import { balance, molarMass, parseFormula } from "./formula.ts";

type Library = typeof import("openchemlib");

const MOST_ATOMS = 500;

const load = (): Promise<Library> => optional("chemistry", "openchemlib", () => import("openchemlib"));
const round = (value: number, places = 4): number => Math.round(value * 10 ** places) / 10 ** places;

function moleculeOf({ Molecule }: Library, smiles: string): Molecule {
  let molecule: Molecule;
  try {
    molecule = Molecule.fromSmiles(smiles);
  } catch (error) {
    return refuse(`"${smiles}" is no SMILES: ${(error as Error).message.replace(/^Class\S+ /, "")}`);
  }
  if (molecule.getAllAtoms() === 0) refuse("the molecule has no atoms");
  if (molecule.getAllAtoms() > MOST_ATOMS)
    refuse(`the molecule has ${molecule.getAllAtoms()} atoms, ${MOST_ATOMS} are the most`);
  return molecule;
}

const smiles = z
  .string()
  .trim()
  .min(1)
  .max(2000)
  .describe('A structure in SMILES, for example "CC(=O)O" for acetic acid.');
const formula = z.string().trim().min(1).max(200).describe('A formula, for example "Ca(OH)2" or "CuSO4·5H2O".');

/**
 * Formulae, masses, balanced equations and structures. Structures are the work of OpenChemLib: the optional package
 * `openchemlib` has to be installed for them.
 */
export function chemistry(): Toolkit<null> {
  return makeToolkit({
    id: "chemistry",
    about: "Reckons with chemical formulae and equations, and reads structures.",
    state: null,
    schema: z.null(),
    tools: (define) => [
      define({
        verb: "element",
        description: "Tells an element's symbol, name, atomic number and standard atomic weight in g/mol.",
        input: z.strictObject({
          element: z.string().trim().min(1).max(20).describe("Its symbol, English name or atomic number."),
        }),
        effects: "none",
        run({ element }) {
          const found = [...ELEMENTS.values()].find(
            ({ symbol, name, number }): boolean =>
              symbol === element || name === element.toLowerCase() || String(number) === element,
          );
          return found ?? refuse(`no element "${element}" up to plutonium; symbols are written as in Na`);
        },
      }),
      define({
        verb: "mass",
        description:
          "Tells the molar mass of a formula in g/mol, its atoms, and each element's share of the mass in percent. With grams, also the amount in mol.",
        input: z.strictObject({ formula, grams: z.number().positive().max(1e12).optional() }),
        effects: "none",
        run({ formula, grams }) {
          const composition = parseFormula(formula);
          const mass = molarMass(composition);
          const share = ([symbol, count]: readonly [string, number]): object => {
            const { mass: each }: Element = ELEMENTS.get(symbol)!;
            return { element: symbol, count, percent: round(((each * count) / mass) * 100, 3) };
          };
          return {
            formula,
            molarMass: round(mass),
            charge: composition.charge,
            atoms: [...composition.atoms].map(share),
            ...(grams === undefined ? {} : { mol: round(grams / mass, 6) }),
          };
        },
      }),
      define({
        verb: "balance",
        description: "Balances a chemical equation with the smallest whole numbers.",
        input: z.strictObject({
          equation: z
            .string()
            .trim()
            .min(3)
            .max(500)
            .describe('For example "Fe + O2 -> Fe2O3"; charges are written as in SO4^2-.'),
        }),
        effects: "none",
        run: ({ equation }) => balance(equation),
      }),
      define({
        verb: "structure",
        description:
          "Reads a structure in SMILES: formula, molar mass, numbers of atoms, rings, rotatable bonds, hydrogen bond donors and acceptors, stereo centres, estimated logP, polar surface in Å², and the canonical SMILES.",
        input: z.strictObject({ smiles }),
        effects: "none",
        async run({ smiles }) {
          const library = await load();
          const molecule = moleculeOf(library, smiles);
          const { formula, relativeWeight } = molecule.getMolecularFormula();
          const properties = new library.MoleculeProperties(molecule);
          return {
            formula,
            molarMass: round(relativeWeight, 3),
            heavyAtoms: molecule.getAtoms(),
            rings: molecule.getRingSet().getSize(),
            rotatableBonds: properties.rotatableBondCount,
            donors: properties.donorCount,
            acceptors: properties.acceptorCount,
            stereoCentres: properties.stereoCenterCount,
            logP: round(properties.logP, 2),
            polarSurface: round(properties.polarSurfaceArea, 2),
            canonicalSmiles: molecule.toIsomericSmiles(),
          };
        },
      }),
      define({
        verb: "contains",
        description: "Tells whether a structure contains a fragment, such as a carboxyl group. Both are in SMILES.",
        input: z.strictObject({ smiles, fragment: smiles }),
        effects: "none",
        async run({ smiles, fragment }) {
          const library = await load();
          const [molecule, part] = [moleculeOf(library, smiles), moleculeOf(library, fragment)];
          part.setFragment(true);
          const searcher = new library.SSSearcher();
          searcher.setMol(part, molecule);
          return { contains: searcher.isFragmentInMolecule() };
        },
      }),
      define({
        verb: "same",
        description: "Tells whether two structures in SMILES are the same molecule.",
        input: z.strictObject({ first: smiles, second: smiles }),
        effects: "none",
        async run({ first, second }) {
          const library = await load();
          const [a, b] = [first, second].map((text) => moleculeOf(library, text).getIDCode());
          return { same: a === b };
        },
      }),
    ],
  });
}
