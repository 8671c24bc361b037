"""Processes of the system: started in the background, found again by
RUN_DIR/pids/<name>, logging to RUN_DIR/log/<name>.log."""

import os
import resource
import signal
import subprocess
import time

from .settings import Trouble

# Every process we start carries RUN_DIR/name here: a process id that somebody
# else has by now is not ours.
MARK = "RESTAURANT_PROCESS"

# Stays as the parent of one of our own programs, so that how it ended is known
# to whoever stops it later: $0 is for its process id, $1 for its exit code.
_KEEP_EXIT_CODE = """
exit_file=$1; shift
"$@" &
echo $! >"$0"
wait $!
echo $? >"$exit_file"
"""


class Process:
    """One process. Commands say nothing secret; that goes into `environment`.

    With `keep_exit_code`, stop() can tell how it ended.
    """

    def __init__(self, settings, name, command=(), environment=None, user=None,
                 keep_exit_code=False):
        self.settings = settings
        self.name = name
        self.command = list(command)
        self.environment = environment or {}
        self.user = user
        self.pid_file = settings.path("pids", name)
        self.log = settings.path("log", name + ".log")
        self.exit_file = settings.path("exit", name) if keep_exit_code else None

    def mark(self):
        return f"{self.settings.run_dir}/{self.name}"

    def pid(self):
        """The process id, or None if it does not run."""
        try:
            with open(self.pid_file, encoding="utf-8") as file:
                pid = int(file.read())
        except (FileNotFoundError, ValueError):
            return None
        return pid if self._is_ours(pid) else None

    def _is_ours(self, pid):
        try:
            # The environment is empty for a moment while a process becomes another program, on a
            # machine that is very busy for longer, and when it ends.
            for _ in range(400):
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
                if fields[0] == "Z":
                    # Dead, but as long as it has other threads it keeps its ports.
                    return int(fields[17]) > 1
                try:
                    with open(f"/proc/{pid}/environ", "rb") as file:
                        environment = file.read()
                except ProcessLookupError:  # from newer kernels, when its memory is gone
                    environment = b""
                if environment:
                    return f"{MARK}={self.mark()}".encode() in environment.split(b"\0")
                time.sleep(0.005)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
        return False

    def start(self):
        if self.pid() is not None:
            return
        for path in (self.pid_file, self.log, self.exit_file):
            if path:
                os.makedirs(os.path.dirname(path), exist_ok=True)
        _remove(self.pid_file)
        environment = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "TSAN_OPTIONS",
                         "UBSAN_OPTIONS", "LSAN_OPTIONS")
            if name in os.environ
        }
        environment.update(self.environment)
        environment[MARK] = self.mark()
        if not os.access(self.command[0], os.X_OK):
            raise Trouble(f"{self.command[0]} is not there; scripts/build makes our programs, "
                          "scripts/deps installs the others")
        command = self.command
        if self.exit_file:
            _remove(self.exit_file)
            command = ["/bin/sh", "-c", _KEEP_EXIT_CODE, self.pid_file, self.exit_file, *command]
        as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        _allow_many_files()
        with open(self.log, "ab") as log:
            child = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **as_user)
        if not self.exit_file:
            with open(self.pid_file, "w", encoding="utf-8") as file:
                file.write(f"{child.pid}\n")
        wait_for(lambda: os.path.exists(self.pid_file) and os.path.getsize(self.pid_file),
                 5, f"{self.name} does not start")

    def check_alive(self):
        """Raises Trouble with the end of the log if it has ended."""
        if self.pid() is None:
            raise Trouble(f"{self.name} has ended; {self.log} ends with: {self.last_words()}")

    def last_words(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                lines = [line for line in file.read().splitlines() if line.strip()]
        except FileNotFoundError:
            return "(nothing)"
        return " | ".join(lines[-3:]) or "(nothing)"

    def stop(self, how=signal.SIGTERM, patience=40.0):
        """Ends it and waits. Returns its exit code where that is kept, else None.
        Trouble if it did not end in time; it is killed then."""
        pid = self.pid()
        if pid is None:
            _remove(self.pid_file)
            return None
        os.kill(pid, how)
        try:
            wait_for(lambda: self.pid() != pid, patience,
                     f"{self.name} did not end within {patience:.0f} s and was killed")
        except Trouble:
            os.kill(pid, signal.SIGKILL)
            raise
        _remove(self.pid_file)
        if not self.exit_file:
            return None
        wait_for(lambda: os.path.exists(self.exit_file) and os.path.getsize(self.exit_file),
                 5, f"{self.name} ended, nobody knows how")
        with open(self.exit_file, encoding="utf-8") as file:
            return int(file.read())


def _allow_many_files():
    """Each connection to Envoy or Postgres is a file; the soft limit may be 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def wait_for(condition, seconds, otherwise):
    """Waits until `condition()`, and returns what it is; Trouble `otherwise` after `seconds`."""
    end = time.monotonic() + seconds
    pause = 0.005
    while not (held := condition()):
        if time.monotonic() > end:
            raise Trouble(otherwise)
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
    return held


def _remove(path):
    if os.path.exists(path):
        os.remove(path)


def all_ours(settings):
    """Every living process that was started for this system, by id."""
    prefix = f"{MARK}={settings.run_dir}/".encode()
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{int(name)}/environ", "rb") as file:
                if any(entry.startswith(prefix) for entry in file.read().split(b"\0")):
                    yield int(name)
        except (ValueError, OSError):
            continue
