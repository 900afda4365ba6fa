"""Which benchmarks there are, in the order of the page: what each measures, and how it is run in full and quickly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One run of a module of this folder, with other words when it is to be quick, and at most `limit_s` long."""

    name: str
    title: str
    says: str
    module: str
    full: str = ""
    quick: str = ""
    limit_s: int = 900

    def words(self, *, quick: bool) -> list[str]:
        """What follows `python -m`."""
        return [f"tests.benchmarks.{self.module}", *(self.quick if quick else self.full).split()]

    def command(self, *, quick: bool) -> str:
        """What a person types to run it alone."""
        return " ".join(["python -m", *self.words(quick=quick)])


PLAN = (
    Benchmark(
        "starting",
        "Starting a command",
        "Each command in a process of its own on an empty home, in turn with what cannot be avoided: the import "
        "of the libraries that every command with a database needs.",
        "starting",
        "7",
        "1",
    ),
    Benchmark(
        "launches",
        "Spotting and clustering launches",
        "Scores on labelled entries, where the labelled feeds lie beside the checkout (the rules were written "
        "while reading them, so they flatter: see the end of this page), and times.",
        "launches",
    ),
    Benchmark(
        "gathering",
        "Gathering feeds",
        "Feeds of 12 kB with 20 entries from a server in a process of its own, 50 ms for each answer, each at "
        "an address of its own. Beside it a loop of `feedparser.parse`, measured on 60 feeds and scaled, and "
        "the library `reader` with 20 threads and its database in a file. `reader` spaces nothing per host and "
        "looks at no address before it connects; all three read the same answers, and both databases keep every "
        "entry.",
        "gathering",
        "--growth 100 300 5000",
        "--feeds 100 --rounds 1 --growth 30",
        1800,
    ),
    Benchmark(
        "composing",
        "Composing an edition",
        "`compose` as the command runs it, with 100,000 tools and 10,000 launches of the week.",
        "composing",
        "",
        "250",
    ),
    Benchmark(
        "rendering",
        "Rendering and checking a message",
        "The digest of the bundled samples, growth with invented matchups, and our MJML step in turn with "
        "official MJML in one warm node process (`make tools` installs it).",
        "rendering",
        "",
        "--rounds 3",
    ),
    Benchmark(
        "faults",
        "Finding faults in a message",
        "Faults planted in a good message, one at a time: those that were known while checks were written, and "
        "nastier ones by somebody who had not read them.",
        "faults",
    ),
    Benchmark(
        "pages",
        "The pages",
        "Real servers over HTTP, 20 kept-alive connections from a process of their own, each asking again as "
        "soon as it has its answer. Bare FastAPI is one route that has the bytes of the same page in memory.",
        "pages",
        "--readers 1000 100000 1000000",
        "--rounds 1 --editions 20 --readers 1000 20000",
        1800,
    ),
    Benchmark(
        "desk",
        "The desk",
        "A real desk on a home with 5,000 tools and 100 editions, its launches spread over 100 weeks, asked by "
        "one editor over HTTP.",
        "desk",
        "--launches 1000 10000 50000",
        "--launches 1000 10000",
    ),
    Benchmark(
        "repainting",
        "The desk’s preview",
        "From a save to the email in the frame that shows it, in a real Chromium.",
        "repainting",
        "",
        "--times 5",
    ),
    Benchmark(
        "subscribers",
        "Readers in and out",
        "A made-up list, four in ten at 20,000 different domains, one in a thousand no address; each step a "
        "process of its own. Plain `csv` and `executemany` put the same rows into the same tables and look at "
        "nothing.",
        "subscribers",
        "--postgresql",
        "--rows 50000",
        1800,
    ),
    Benchmark(
        "events",
        "Events of a provider",
        "A real server, signed posts over 8 kept-alive connections, 50,000 readers, an edition being sent.",
        "events",
        "",
        "--events 10000",
    ),
    Benchmark(
        "events-postgresql",
        "Events of a provider, on PostgreSQL",
        "As above, on PostgreSQL.",
        "events",
        "--postgresql",
        "--events 10000 --postgresql",
    ),
    Benchmark(
        "smtp",
        "Sending over SMTP",
        "Our sender with 8 connections, in turn with two loops of smtplib: one connects for each letter, one "
        "keeps its connection. A real mail server (aiosmtpd, several processes) takes letters and throws them "
        "away.",
        "smtp",
        "",
        "--letters 400",
        1800,
    ),
    Benchmark(
        "sending",
        "Sending through SendGrid",
        "`verdicts send` as a process, planning, claiming and recording included, to a service that discards, "
        "over 8 connections. In the same run: a bare loop that posts the same bodies; SendGrid’s own client "
        "with a call for each reader; django-anymail with 1,000 readers a call as its documentation has it, on "
        "8 threads and on its one connection, and with a call each. None of these keeps books, so that none "
        "knows afterwards who got what. Without latency each has one core, the service the other. The makers of "
        "django-anymail say that SendGrid is no longer among the services they test.",
        "sending",
        "",
        "--recipients 20000",
        1800,
    ),
    Benchmark(
        "sending-growth",
        "Sending to ever more readers",
        "`verdicts send` without latency: time and memory.",
        "sending",
        "--memory",
        "--memory --recipients 100000",
        1800,
    ),
    Benchmark(
        "sending-postgresql",
        "Sending, on PostgreSQL",
        "As above, on PostgreSQL.",
        "sending",
        "--recipients 200000 --postgresql",
        "--recipients 20000 --postgresql",
        1800,
    ),
    Benchmark(
        "databases",
        "Backing up, checking and moving",
        "Readers with their consents and an edition’s deliveries, three rows each: `verdicts db backup`, `check`, "
        "`move` and `restore` as processes, with their own processor time and the peak of their memory.",
        "databases",
        "",
        "--rows 20000",
    ),
)
