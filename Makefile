# What there is to do with this checkout. Everything is done by the scripts in scripts/, which install what is missing.

PREFIX = /usr/local
DESTDIR =

SOURCES := main.ts deno.json scripts/build.sh scripts/deno.sh scripts/precompile.sh $(shell find lib -name '*.ts')

.PHONY: all test demo compile install man check unit live walks crashes mutants fuzz deaths chaos bench microbench stack million fmt clean

all: build/interimap

build/interimap: $(SOURCES)
	sh scripts/build.sh

# Everything that can be checked, down to runs against real Dovecot servers.
test:
	sh scripts/test.sh

# Two private Dovecot servers, filled, synchronized, changed, synchronized again and compared.
demo: build/interimap
	sh scripts/packages.sh dovecot-imapd
	sh scripts/deno.sh run --quiet --allow-all scripts/demo.ts

# One file that needs no Deno on the machine where it runs.
compile:
	sh scripts/build.sh standalone

install: build/interimap
	sh scripts/install.sh '$(PREFIX)' '$(DESTDIR)'

# Checks the manual page; `man -l man/interimap.1` shows it.
man:
	sh scripts/packages.sh mandoc
	mandoc -T lint man/interimap.1

# Parts of `make test`.
check:
	sh scripts/test.sh fetch format lint types rules

unit:
	sh scripts/test.sh fetch unit

live:
	sh scripts/test.sh fetch build live

# Longer than `make test`: 10,000 random walks, the interruptions, the seeded defects, 50,000 damaged inputs for each
# fuzz test with a new seed, a server that dies again and again.
walks:
	WALKS=10000 sh scripts/test.sh fetch walks

# Every scenario interrupted at every moment, 2,000 pairs of interruptions, a session cut behind every octet.
crashes:
	CRASH_MOMENTS=all CRASH_PAIRS=2000 EVERY_BYTE=1 sh scripts/test.sh fetch crashes

# MUTANTS="'no append'" tries those with these words in their names, MUTANTS="--search 'no append'" finds tests that notice.
mutants:
	sh scripts/deno.sh run --quiet --allow-all tests/mutants/run.ts $(MUTANTS)

fuzz:
	FUZZ_ROUNDS=50000 FUZZ_SEED=$$(date +%s) sh scripts/test.sh fetch fuzz

# Ten deaths of the server in two minutes under --notify, with mail arriving all along.
deaths: build/interimap
	INTERIMAP_TEST_UPTIME_MS=11000 sh scripts/deno.sh test --allow-all --filter deaths tests/live/watch_test.ts

# Five minutes of clients that hammer both servers while a watch loses its connections.
chaos: build/interimap
	INTERIMAP_TEST_SEED=$$(date +%s) INTERIMAP_TEST_CHAOS_MS=300000 sh scripts/deno.sh test --allow-all tests/live/chaos_test.ts

# This program, the original and mbsync compared; half an hour or more. BENCH="--rtt=100 --scenario=mixed-20" does less,
# BENCH=--help tells the options, BENCH=--readme puts the tables into README.md.
bench: build/interimap
	sh scripts/bench.sh $(BENCH)

# Where in lib/ the stack of a bug points to: `make stack <REPORT`, on the sources of the version that printed it.
stack: build/interimap
	@sh scripts/deno.sh run --quiet --allow-read scripts/stack.ts

# What decoder, encoder, deflate, planner and database cost for one octet or message; under a minute.
microbench:
	sh scripts/deno.sh run --quiet --cached-only --allow-all scripts/microbench.ts

# A mailbox of a million messages: an idle look, one flag, one new message, and all compared; some minutes.
million: build/interimap
	sh scripts/packages.sh time util-linux
	sh scripts/deno.sh run --quiet --no-check --cached-only --allow-all scripts/bench/million.ts $(MESSAGES)

fmt:
	sh scripts/deno.sh fmt

clean:
	rm -rf build cov
