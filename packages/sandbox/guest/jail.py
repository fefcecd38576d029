"""Runs one Python program in a process that can compute, read and write its pipes, and nothing else.

Started by the host with an empty environment. In order: read the program, its limits and the modules that it may import from
standard input (one line of JSON), load those modules, give up all rights, say so on descriptor 3, wait for "go", run.
The filter of system calls is the boundary; what Python hides from a program is only there for clear messages.

Messages on descriptor 3, one line of JSON each: {"type": "ready", "obstacle"}, {"type": "call", "name", "text"},
{"type": "end", "phase", "text"} with a text as guest/prelude.js describes it. Answers to calls are lines of input.
"""

import sys

sys.path[:1] = []  # not from the folder of this file

import _strptime  # noqa: F401, E402 - datetime.strptime imports it late
import builtins  # noqa: E402
import ctypes  # noqa: E402
import errno  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import resource  # noqa: E402
import struct  # noqa: E402
import traceback  # noqa: E402
from json import dumps, loads  # noqa: E402 - a program may change the module

# read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn mremap madvise
# sched_yield nanosleep getpid exit exit_group gettimeofday sigaltstack futex clock_gettime clock_getres
# clock_nanosleep getrandom restart_syscall
SYSTEM_CALLS = {
    "x86_64": (
        0xC000003E,
        (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 25, 28, 24, 35, 39, 60, 231, 96, 131, 202, 228, 229, 230, 318, 219),
    ),
    "aarch64": (
        0xC00000B7,
        (63, 64, 57, 80, 62, 222, 226, 215, 214, 134, 135, 139, 216, 233)
        + (124, 101, 172, 93, 94, 169, 132, 98, 113, 114, 115, 278, 128),
    ),
}


def die_with_host():
    """The kernel ends this process when its parent is gone, however it went. It is not there on every system."""
    death_signal, kill = 1, 9
    try:
        ctypes.CDLL(None).prctl(death_signal, ctypes.c_ulong(kill))
    except (AttributeError, OSError):
        pass


def filter_system_calls():
    """Lets the kernel refuse every system call that is not listed, for this process and for good."""
    architecture, allowed = SYSTEM_CALLS[platform.machine()]
    load, jump_if_equal, give_back = 0x20, 0x15, 0x06
    allow, kill, refuse = 0x7FFF0000, 0x80000000, 0x00050000 | 1  # EPERM
    steps = [(load, 0, 0, 4), (jump_if_equal, 1, 0, architecture), (give_back, 0, 0, kill), (load, 0, 0, 0)]
    for number in allowed:
        steps += [(jump_if_equal, 0, 1, number), (give_back, 0, 0, allow)]
    steps.append((give_back, 0, 0, refuse))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HL", len(steps), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    no_new_privileges, set_filter, by_program = 38, 22, 2
    unused = ctypes.c_ulong(0)
    if prctl(no_new_privileges, ctypes.c_ulong(1), unused, unused, unused) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if prctl(set_filter, ctypes.c_ulong(by_program), program, unused, unused) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def limit(memory_bytes, wall_ms):
    """Bounds on memory beyond what the interpreter has now, on processor time, files and processes."""
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    seconds = wall_ms // 1000 + 2
    for what, bound in (
        (resource.RLIMIT_AS, used + memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(what, (bound, bound))


def isolate(job):
    """Why the process is not isolated, or nothing when it is."""
    try:
        limit(job["memoryBytes"], job["wallMs"])
        filter_system_calls()
    except Exception as error:
        return repr(error)
    try:
        os.close(os.open("/", os.O_RDONLY))
    except OSError as error:
        return None if error.errno == errno.EPERM else repr(error)
    return "files can still be opened"


def send(message):
    data = (dumps(message) + "\n").encode()
    while data:
        data = data[os.write(3, data) :]


class NoJson(Exception):
    """A value that JSON cannot carry unchanged."""


LARGEST = 2**53 - 1


def check(value, path="", depth=0):
    at = f' at "{path[:100]}"' if path else ""
    if depth > 100:
        raise NoJson("it nests deeper than 100 levels")
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise NoJson(f"an integer beyond {LARGEST}{at}: use str(x)")
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise NoJson(f"{value}{at}: use str(x)")
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            check(element, f"{path}[{index}]", depth + 1)
    elif isinstance(value, dict):
        for key, element in value.items():
            if not isinstance(key, str):
                raise NoJson(f"a key that is a {type(key).__name__}{at}: use str(key)")
            check(element, (f"{path}.{key[:100]}" if path else key)[:200], depth + 1)
    else:
        raise NoJson(f"a {type(value).__name__}{at}: use float(x) or str(x)")


def encode(value):
    check(value)
    return dumps(value, allow_nan=False)


def describe(error, phase):
    """An error as JSON, its stack a line `name line column` for each of the program's frames, innermost first."""
    # A program's own class of errors may lie or raise at every turn: what it overrides is not asked.
    name = type.__dict__["__name__"].__get__(type(error))
    message, stack = "", []
    try:
        trace = traceback.extract_tb(BaseException.__dict__["__traceback__"].__get__(error))
        frames = [frame for frame in trace if frame.filename == "<program>"]
        stack = [f"{frame.name} {frame.lineno}" for frame in reversed(frames[-100:])]
        if phase == "load" and issubclass(type(error), SyntaxError) and error.lineno is not None:
            stack = [f"<module> {error.lineno}"]
            message = error.msg
        else:
            message = str.__str__(str(error))
    except BaseException:  # noqa: BLE001
        pass
    parts = {"name": name[:100], "message": message[:1500], "stack": "\n".join(stack)[:8000]}
    return "e" + dumps(parts)


def host_function(name, result_bytes):
    def call(argument=None):
        try:
            text = encode(argument)
        except NoJson as reason:
            raise TypeError(f"{name}: the argument must be JSON, got {reason}") from None
        if len(text) > result_bytes:
            raise ValueError(f"{name}: the argument is longer than {result_bytes} bytes")
        send({"type": "call", "name": name, "text": text})
        answer = loads(sys.stdin.readline())
        if answer[0] == "e":
            raise RuntimeError(answer[1:])
        return None if answer[0] == "u" else loads(answer[1:])

    call.__name__ = name
    return call


def restrict_imports(modules):
    plain_import = builtins.__import__
    known = set(modules)
    for module in modules:
        plain_import(module)

    def import_listed(name, scope=None, locals=None, fromlist=(), level=0):
        if scope is not None and scope.get("__name__") == "__main__" and name not in known:
            raise ModuleNotFoundError(f"no module named {name!r}; there are {', '.join(modules)}")
        return plain_import(name, scope, locals, fromlist, level)

    builtins.__import__ = import_listed


def seed(job):
    import random
    import time

    random.seed(job["seed"])
    clock = [job["clockMs"]]

    def tick():
        clock[0] += 1
        return (clock[0] - 1) / 1000

    time.time = time.monotonic = time.perf_counter = tick


# Given back when a program fails, so that a program that used up the memory can still be described.
reserve = [bytearray(8 * 2**20)]


def run(job):
    """The phase in which the program ended, and the text that says how."""
    program = {"__name__": "__main__", "__builtins__": builtins, "input": job["input"]}
    for name in job["functions"]:
        program[name] = host_function(name, job["resultBytes"])
    phase = "load"
    try:
        code = compile(job["source"], "<program>", "exec")
        phase = "run"
        try:
            exec(code, program)
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
        value = program.get("result")
        if value is None:
            return phase, "vnull" if "result" in program else "u"
        text = encode(value)
        return phase, "l" if len(text) > job["resultBytes"] else "v" + text
    except NoJson as reason:
        return phase, f"x{reason}"
    except BaseException as error:
        reserve.clear()
        return phase, describe(error, phase)


def main():
    die_with_host()
    job = loads(sys.stdin.readline())
    restrict_imports(job["modules"])
    seed(job)
    send({"type": "ready", "obstacle": isolate(job)})
    if sys.stdin.readline().strip() != "go":
        return
    output = sys.stdout
    phase, text = run(job)
    try:
        output.flush()
    except BaseException:  # noqa: BLE001 - the program may have closed it
        pass
    send({"type": "end", "phase": phase, "text": text})


main()
