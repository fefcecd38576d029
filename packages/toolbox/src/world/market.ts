import { seeded } from "../random.ts";
import { round } from "./geography.ts";

/** A company whose shares are traded. */
export interface Company {
  readonly symbol: string;
  readonly name: string;
  readonly sector: string;
  /** Shares, in millions. */
  readonly shares: number;
}

/** The trade of one day. */
export interface Trade {
  readonly date: string;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** Companies with their trades since the beginning of 2024, the oldest first. */
export interface Market {
  readonly companies: readonly Company[];
  readonly trades: ReadonlyMap<string, readonly Trade[]>;
}

const DAY_MS = 86_400_000;
const FIRST_DAY = Date.UTC(2024, 0, 1);
const COMPANIES: readonly (readonly [symbol: string, name: string, sector: string])[] = [
  ["BRKW", "Brackwater Shipping", "transport"],
  ["CVH", "Corvenhal Instruments", "technology"],
  ["DNMR", "Dunmere Dairy", "food"],
  ["FNK", "Fennick Software", "technology"],
  ["GHE", "Greyharbour Energy", "energy"],
  ["KSTL", "Kestrel Air", "transport"],
  ["LRK", "Larkfield Foods", "food"],
  ["MSG", "Mossgate Medical", "health"],
  ["NWB", "Northwick Bank", "finance"],
  ["OAK", "Oakhaven Timber", "materials"],
  ["PLN", "Pellinore Robotics", "technology"],
  ["RVN", "Ravensholm Insurance", "finance"],
];

/** The market of a seed up to a day: random walks on the days from Monday to Friday. */
export function makeMarket(seed: number, today: string): Market {
  const last = Date.parse(today);
  const companies: Company[] = [];
  const trades = new Map<string, Trade[]>();
  for (const [symbol, name, sector] of COMPANIES) {
    const random = seeded(seed, `market/${symbol}`);
    companies.push({ symbol, name, sector, shares: random.integer(5, 400) });
    const list: Trade[] = [];
    const [drift, size] = [(random.next() - 0.45) * 0.001, 0.008 + random.next() * 0.02];
    let price = random.integer(800, 30_000) / 100;
    for (let day = FIRST_DAY; day <= last; day += DAY_MS) {
      if ([0, 6].includes(new Date(day).getUTCDay())) continue;
      const step = (): number => (random.next() + random.next() + random.next() - 1.5) * size;
      const open = price * (1 + step() / 3);
      const close = Math.max(0.5, open * (1 + drift + step()));
      const [low, high] = [
        Math.min(open, close) * (1 - random.next() * size),
        Math.max(open, close) * (1 + random.next() * size),
      ];
      list.push({
        date: new Date(day).toISOString().slice(0, 10),
        open: round(open, 2),
        high: round(high, 2),
        low: round(low, 2),
        close: round(close, 2),
        volume: random.integer(20, 4000) * 1000,
      });
      price = close;
    }
    trades.set(symbol, list);
  }
  return { companies, trades };
}
