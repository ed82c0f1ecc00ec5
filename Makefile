# Targets are listed by `make` alone: the text after ## is the list.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory

# Go is on PATH or where its tarball puts it.
export PATH := $(PATH):/usr/local/go/bin
GO          ?= go
# openpgp in Go instead of gpgme (C); no btrfs headers.
TAGS        := containers_image_openpgp,exclude_graphdriver_btrfs
export CGO_ENABLED ?= 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# root installs for everybody, a user for himself.
ifeq ($(shell id -u),0)
PREFIX ?= /usr/local
else
PREFIX ?= $(HOME)/.local
endif
DESTDIR ?=
LIBEXEC := $(DESTDIR)$(PREFIX)/libexec/rc
SHARE   := $(DESTDIR)$(PREFIX)/share
# Where systemd --user looks (systemd.unit(5)): a user's own units are below share.
UNITS   := $(DESTDIR)$(PREFIX)/$(if $(filter $(or $(HOME),/nowhere)/%,$(PREFIX)),share,lib)/systemd/user
UNIT_FILES := $(notdir $(wildcard contrib/systemd/user/*.service contrib/systemd/user/*.timer))
# Where a user manager looks for generators (systemd.generator(7)); it reads none of a user's.
GENERATORS := $(if $(filter $(or $(HOME),/nowhere)/%,$(PREFIX)),,$(DESTDIR)$(PREFIX)/lib/systemd/user-generators)
# Where shells look: Debian's zsh has a directory of its own below /usr, and fish looks below /usr/local
# only where XDG_DATA_DIRS says so.
ZSH  := $(DESTDIR)$(PREFIX)/share/zsh/$(if $(and $(filter /usr,$(PREFIX)),$(wildcard /etc/debian_version)),vendor-completions,site-functions)
FISH := $(DESTDIR)$(if $(filter /usr/local,$(PREFIX)),/etc/fish/completions,$(PREFIX)/share/fish/vendor_completions.d)

# GOARCH=arm64 make build cross-compiles.
BIN      ?= bin
PROGRAMS := $(notdir $(patsubst %/main.go,%,$(wildcard cmd/*/main.go)))

.DEFAULT_GOAL := help
.PHONY: help build install install-files uninstall dist demo demo-clean test test-unit test-e2e test-build test-dist test-vm bench fuzz \
	lint fmt man clean cross $(addprefix $(BIN)/,$(PROGRAMS))

help: ## list the targets (this)
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(addprefix $(BIN)/,$(PROGRAMS)) $(addprefix $(BIN)/,$(UNIT_FILES)) ## build bin/rc and the programs that it starts (static, no cgo)

# A shim is there for each container that runs, and hardly ever collects garbage. Go 1.26's collector touches one more
# page of each of the heap's spans than the one before, 75 KiB in all. A Go that has only the new one builds with that.
$(BIN)/rc-shim: SETTING = GOEXPERIMENT=$${GOEXPERIMENT:-$$(GOEXPERIMENT=nogreenteagc $(GO) version >/dev/null 2>&1 && echo nogreenteagc)}

# Go knows what is out of date better than make does.
$(addprefix $(BIN)/,$(PROGRAMS)): $(BIN)/%:
	$(SETTING) $(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*

# Tests are given bin/ alone.
$(addprefix $(BIN)/,$(UNIT_FILES)): $(BIN)/%: contrib/systemd/user/%
	install -D -m 644 $< $@

cross: ## build for linux/amd64 and linux/arm64 into dist/
	GOOS=linux GOARCH=amd64 $(MAKE) build BIN=dist/linux-amd64
	GOOS=linux GOARCH=arm64 $(MAKE) build BIN=dist/linux-arm64

install: build man install-files ## install into PREFIX (/usr/local; ~/.local for a user), below DESTDIR if set

# What is built already, into DESTDIR: packages are made so, for other machines too.
install-files:
	install -D -m 755 $(BIN)/rc '$(DESTDIR)$(PREFIX)/bin/rc'
	for program in $(filter-out rc,$(PROGRAMS)); do install -D -m 755 $(BIN)/$$program '$(LIBEXEC)/'$$program; done
	install -D -m 644 completions/rc.bash '$(SHARE)/bash-completion/completions/rc'
	install -D -m 644 completions/rc.zsh '$(ZSH)/_rc'
	install -D -m 644 completions/rc.fish '$(FISH)/rc.fish'
	install -d '$(UNITS)'
	for unit in $(UNIT_FILES); do \
	  sed 's|"/usr/local/bin/rc"|"$(PREFIX)/bin/rc"|' contrib/systemd/user/$$unit > '$(UNITS)/'$$unit && chmod 644 '$(UNITS)/'$$unit; done
	$(if $(GENERATORS),install -d '$(GENERATORS)' && ln -sfn ../../../libexec/rc/rc-user-generator '$(GENERATORS)/rc-user-generator')
	install -d '$(SHARE)/man/man1' && install -m 644 $(BIN)/man/*.1 '$(SHARE)/man/man1/'
	@case '$(PREFIX)' in '$(HOME)'/*) ! command -v zsh >/dev/null || \
	  echo 'zsh looks there if ~/.zshrc says, before compinit: fpath=($(PREFIX)/share/zsh/site-functions $$fpath)' ;; esac

uninstall: ## remove what install put there
	rm -f '$(DESTDIR)$(PREFIX)/bin/rc' '$(SHARE)/bash-completion/completions/rc' \
	  '$(ZSH)/_rc' '$(FISH)/rc.fish' \
	  '$(SHARE)'/man/man1/rc.1 '$(SHARE)'/man/man1/rc-*.1
	rm -f $(addprefix '$(UNITS)'/,$(UNIT_FILES))
	$(if $(GENERATORS),rm -f '$(GENERATORS)/rc-user-generator')
	rm -rf '$(LIBEXEC)'

dist: ## packages in dist/: .deb, .rpm and a tarball for amd64 and arm64 (ARCHES, FORMATS)
	@contrib/dist/dist.sh

demo: ## set up what is missing, build, and run a container as an ordinary user (DRY=1 only says what it would do)
	@test/demo/demo.sh

demo-clean: ## undo what demo and test changed on this machine
	@test/setup/setup.sh undo

test: ## set up, then unit, end-to-end, package and VM tests
	@test/setup/setup.sh test
	@$(MAKE) test-unit
	@$(MAKE) test-e2e
	@$(MAKE) test-build
	@$(MAKE) test-dist
	@$(MAKE) test-vm

test-unit: ## unit and rootless tests, as you and (called as root) as an ordinary user
	@test/unit.sh

test-e2e: build ## end-to-end scripts as an ordinary user under a real systemd --user
	@test/e2e/run.sh

test-build: build ## Dockerfiles built by rc and by buildah, and compared; real images
	@test/build/run.sh

test-vm: build ## the same scripts in a Debian VM, where every limit takes effect
	@code=0; test/vm/run.sh || code=$$?; [ $$code = 77 ] || exit $$code

test-dist: ## what is in the packages of make dist
	@test/dist.sh

bench: build ## compare with crun, podman and bubblewrap; prints medians, minima and ratios
	@test/bench/run.sh

fuzz: ## run each fuzz target for FUZZTIME (30s)
	@test/fuzz.sh

lint: ## golangci-lint at its pinned version, shellcheck where there is one
	@test/lint.sh

fmt: ## format the Go code
	@test/lint.sh fmt

man: ## write bin/man/*.1 from the commands
	rm -rf $(BIN)/man && mkdir -p $(BIN)/man
	$(GO) test -tags $(TAGS) -count 1 -run '^TestManPages$$' ./cmd/rc -args -man '$(abspath $(BIN)/man)'

clean: ## remove what build made (not what demo set up)
	rm -rf bin dist
