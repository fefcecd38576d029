/**
 * Runs shared by calls on several machines, through a BullMQ queue. A job's id is its run's key, so that a run is in the
 * queue once however many calls offer it; its return value is the run's record, which every call writes into its own
 * folder. A record is kept by Redis before any folder has it, so that a machine lost in between loses nothing.
 */
import { StateError } from "@cambium/base";
import type { Job } from "bullmq";
import { execute, removeScratch, type Workshop } from "./execute.ts";
import type { Cell, Run } from "./grid.ts";
import type { Ledger } from "./ledger.ts";
import type { RunRecord } from "./record.ts";
import type { RunSettings } from "./run-options.ts";

/** How long Redis keeps a finished run for calls that join later, in s. */
const KEPT = 7 * 24 * 3600;
/** How often results are asked for, beside the events that announce them, in ms. */
const SWEEP = 5000;
/** How long Redis may be unreachable, in ms. */
const PATIENCE = 60_000;

interface JobData {
  readonly cell: Cell;
  readonly budget?: number;
}

type Bull = typeof import("bullmq");

async function importBull(): Promise<Bull> {
  try {
    return await import("bullmq");
  } catch (cause) {
    throw new StateError({
      message: "runStudy: `redis` needs the packages bullmq and ioredis; install them: npm install bullmq ioredis",
      cause,
    });
  }
}

/** Throws unless a server answers. */
async function checkServer(url: string): Promise<void> {
  const { Redis } = await import("ioredis");
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 5000,
    maxRetriesPerRequest: 0,
  });
  let reason: unknown;
  client.on("error", (error) => {
    reason = error;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    const cause = (reason ?? error) as Error;
    const where = url.replace(/\/\/[^@/]*@/, "//"); // no password in a message
    throw new StateError({ message: `runStudy: Redis at ${where} cannot be reached: ${cause.message}`, cause });
  } finally {
    client.disconnect();
  }
}

/** Rejects when a promise takes longer than Redis may be away. */
async function patiently<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StateError({ message: `runStudy: Redis has not answered for ${PATIENCE / 1000} s` })),
      PATIENCE,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Offers what is open, does its share, and collects what comes of all of it. */
export async function runOverRedis(
  workshop: Workshop,
  ledger: Ledger,
  { workers, leaseMs, redis }: RunSettings & { readonly redis: string },
  plan: string,
  stop: AbortController,
): Promise<void> {
  const { Queue, QueueEvents, WaitingError, Worker } = await importBull();
  await checkServer(redis);
  const name = `cambium-${workshop.study.name}-${plan}`;
  const connection = { url: redis, maxRetriesPerRequest: null };
  const queue = new Queue<JobData, RunRecord>(name, { connection });
  const announcements = new QueueEvents(name, { connection });
  const offered = new Set<string>();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    stop.abort();
  };

  async function collect(record: RunRecord): Promise<void> {
    await ledger.settle(record);
    await removeScratch(workshop.folder, record.key);
  }

  /** Puts into the queue what is not there, until the results that Redis has make nothing else ready to run. */
  async function offer(): Promise<void> {
    const fresh = ledger.open().filter(({ key }) => !offered.has(key));
    if (fresh.length === 0) return;
    await queue.addBulk(
      fresh.map(({ key, cell, budget }) => ({
        name: "run",
        data: { cell, ...(budget === undefined ? {} : { budget }) },
        opts: { jobId: key, removeOnComplete: { age: KEPT }, removeOnFail: { age: KEPT } },
      })),
    );
    for (const { key } of fresh) offered.add(key);
    await sweep(fresh);
    await offer();
  }

  /** Looks for results that were not announced here: from before this call, or while the connection was down. */
  async function sweep(runs: readonly Run[]): Promise<void> {
    await Promise.all(
      runs.map(async ({ key }) => {
        if (!offered.has(key)) return;
        const job = await queue.getJob(key);
        if (job === undefined)
          offered.delete(key); // Redis has lost it
        else if (job.returnvalue !== null && job.returnvalue !== undefined) await collect(job.returnvalue);
        else if (await job.isFailed()) {
          throw new StateError({ message: `runStudy: the queue ${name} gave up the run ${key}: ${job.failedReason}` });
        }
      }),
    );
  }

  const worker = new Worker<JobData, RunRecord>(
    name,
    async (job: Job<JobData, RunRecord>, token) => {
      try {
        const known = await ledger.find(job.id!);
        const record = known ?? (await execute(workshop, { key: job.id!, ...job.data }));
        if (record !== undefined) return record;
      } catch (error) {
        fail(error);
      }
      await job.moveToWait(token); // for whoever goes on
      throw new WaitingError();
    },
    {
      connection,
      concurrency: workers,
      autorun: false,
      lockDuration: leaseMs,
      stalledInterval: leaseMs / 4,
      maxStalledCount: 2 ** 30, // machines may be killed as often as they like; a run that kills its process fails
    },
  );
  // BullMQ connects again after an error; a server that stays away is noticed by the sweeps.
  const ignore = (): void => undefined;
  queue.on("error", ignore);
  announcements.on("error", ignore);
  worker.on("error", ignore);
  announcements.on("completed", ({ returnvalue }) => {
    collect(returnvalue as unknown as RunRecord).catch(fail);
  });

  try {
    for (const key of ledger.retried) await queue.remove(key);
    await announcements.waitUntilReady();
    await patiently(offer());
    void worker.run().catch(fail);
    for (let swept = performance.now(); !stop.signal.aborted && !ledger.isComplete(); ) {
      await patiently(offer());
      await ledger.changed(SWEEP / 10);
      if (performance.now() - swept < SWEEP) continue;
      await patiently(sweep(ledger.open()));
      swept = performance.now();
    }
  } finally {
    stop.abort();
    await Promise.race([worker.close(), new Promise((resolve) => setTimeout(resolve, 2 * leaseMs).unref())]);
    await Promise.all([announcements.close(), queue.close()]);
  }
  if (failure !== undefined) throw failure.error;
}
