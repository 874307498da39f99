# What there is to do with this checkout. Everything is done by the scripts in scripts/, which install what is missing.

PREFIX = /usr/local
DESTDIR =

SOURCES := main.ts deno.json scripts/build.sh scripts/deno.sh $(shell find lib -name '*.ts')

.PHONY: all test demo compile install man check unit live walks mutants fuzz fmt clean

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
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 build/interimap '$(DESTDIR)$(PREFIX)/bin/interimap'
	install -d '$(DESTDIR)$(PREFIX)/share/man/man1' '$(DESTDIR)$(PREFIX)/share/doc/interimap'
	install -m 644 man/interimap.1 '$(DESTDIR)$(PREFIX)/share/man/man1/interimap.1'
	install -m 644 man/getting-started.md man/sample.config '$(DESTDIR)$(PREFIX)/share/doc/interimap'

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

# Longer than `make test`: 10,000 random walks, the seeded defects, 100,000 damaged recordings with a new seed.
walks:
	WALKS=10000 sh scripts/test.sh fetch walks

mutants:
	sh scripts/deno.sh run --quiet --allow-all tests/mutants/run.ts

fuzz:
	FUZZ_ROUNDS=50000 FUZZ_SEED=$$(date +%s) sh scripts/test.sh fetch fuzz

fmt:
	sh scripts/deno.sh fmt

clean:
	rm -rf build cov
