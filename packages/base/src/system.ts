/** The operating system's errors as this library's, for what touches the disk in Node. */
import { kill } from "node:process";
import { FileError } from "./errors.ts";
import type { FileErrorReason } from "./files.ts";

/** What the operating system's error codes mean, and what to do about them. */
export const systemErrors: Readonly<Record<string, readonly [reason: FileErrorReason, advice: string]>> = {
  ENOENT: ["missing", "there is no such file or folder"],
  EACCES: ["forbidden", "access is denied; check the permissions"],
  EPERM: ["forbidden", "access is denied; check the permissions"],
  ENOSPC: ["full", "the disk is full; free some space, what was there before is untouched"],
  EDQUOT: ["full", "the disk quota is used up; free some space, what was there before is untouched"],
  EROFS: ["read-only", "the file system is read-only; choose another folder"],
  EISDIR: ["folder", "it is a folder, not a file"],
  ENOTDIR: ["folder", "a part of this path is a file, not a folder; give the folder that holds the file"],
  EMFILE: ["other", "too many files are open; raise the limit or open fewer at once"],
  ENAMETOOLONG: ["other", "the name is too long for this file system"],
};

/** Runs a system call and turns its error into a `FileError`. */
export async function system<T>(action: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const { code: systemCode, message } = cause as NodeJS.ErrnoException;
    if (systemCode === undefined) throw cause;
    const [reason, advice] = systemErrors[systemCode] ?? ["other", message];
    throw new FileError({
      message: `folder: cannot ${action} ${path}: ${advice} (${systemCode})`,
      cause,
      path,
      reason,
      systemCode,
    });
  }
}

/** Whether a process of this machine runs. */
export function isRunning(id: number): boolean {
  try {
    return kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
