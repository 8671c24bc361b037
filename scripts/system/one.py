"""One part of a system that is up: scripts/start and scripts/stop."""

import argparse
import signal

from . import parts, postgres
from .settings import Settings, Trouble


def main(usage, arguments, action):
    parser = argparse.ArgumentParser(usage=usage.removeprefix("usage: "), add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("name", nargs="?")
    parser.add_argument("--replica", type=int, default=1)
    parser.add_argument("--kill", action="store_true")
    options = parser.parse_args(arguments)
    if options.help:
        print(usage.strip())
        return 0
    system = Settings.load()
    names = [*system.services, "postgres", "nats", "provisioner", "gateway"]
    if options.name not in names:
        raise Trouble(f"say which part: {', '.join(names)}")
    return action(system, options)


def _nats(system):
    process = parts.nats(system)
    if process is None:
        raise Trouble("this system's nats-server was given by URL; it is not ours")
    return process


def _postgres(system):
    server = postgres.make(system)
    if server.process is None:
        raise Trouble("this system's Postgres was given by URL; it is not ours")
    return server


def _processes(system, options):
    """The processes of a part, in the order in which they start."""
    if options.name == "nats":
        return [_nats(system)]
    if options.name == "provisioner":
        return [parts.provisioner(system)]
    if options.name == "gateway":
        return parts.gateway(system)
    return [parts.service(system, options.name, options.replica)]


def start(system, options):
    if options.name == "postgres":
        server = _postgres(system)
        server.start()
        server.wait()
        return 0
    processes = _processes(system, options)
    for process in processes:
        process.start()
    if options.name in system.services:
        address = system.addresses(options.name)[options.replica - 1]
        parts.wait_ready(processes[0], address)
    if options.name == "gateway":
        parts.wait_gateway(system, processes)
    return 0


def stop(system, options):
    if options.name == "postgres":
        _postgres(system).stop(options.kill)
        return 0
    how = signal.SIGKILL if options.kill else signal.SIGTERM
    codes = [process.stop(how) for process in reversed(_processes(system, options))]
    if not options.kill and any(codes):
        raise Trouble(f"{options.name} ended with exit code {next(filter(None, codes))}")
    return 0
