import { StateError } from "@cambium/base";

/** `@cambium/report`, which is installed by those who want reports. */
export type ReportPackage = typeof import("@cambium/report");

/**
 * Loads `@cambium/report`.
 *
 * @param caller - Function to name in the message.
 * @throws {StateError} When it is not installed.
 */
export async function loadReportPackage(caller: string): Promise<ReportPackage> {
  try {
    return await import("@cambium/report");
  } catch (cause) {
    throw new StateError({
      message: `${caller}: reports need the package @cambium/report; install it beside this one`,
      cause,
    });
  }
}
