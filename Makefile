# ispyd: look inside a running Go program.  `make help` lists the targets.

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
FUZZTIME    ?= 20s
COUNT       ?= 1

.PHONY: help build demo test vet race soak bench fuzz doc man clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

build: ## bin/ispy, bin/ispymount and bin/sample, the program to look into
	$(GO) build -o bin/ ./cmd/ispy ./cmd/ispymount ./testdata/sample

demo: build ## start two programs, mount them, look, act, tidy up
	@sh testdata/demo.sh

test: vet race ## all that must pass before a change lands

vet: ## formatting, vet (also for darwin), the library elsewhere, staticcheck, go.mod
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=freebsd $(GO) build ./...
	GOOS=windows $(GO) build . ./plugins/... ./fs/client
	GOARCH=arm $(GO) build . ./plugins/...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff

race: ## every test, with the race detector
	$(GO) test -race -count=$(COUNT) ./...
	@for m in $$(git ls-files '*/go.mod'); do \
		(cd $$(dirname $$m) && $(GO) vet ./... && $(GO) test -race -count=$(COUNT) ./...) || exit 1; \
	done

soak: ## what reads memory that others write, for a minute, and a map of 10 million entries
	$(GO) test -run 'TestSoak|TestLarge' -count=1 ./plugins/globals -soak=30s -large=10000000

bench: ## measure against the peers, in the same run
	@sh testdata/bench.sh

fuzz: ## each fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

doc: build ## the reference of the tree: path, kind and doc of every file
	@sh testdata/doc.sh

man: ## write the manual pages, cmd/ispy/man, from what the programs say
	$(GO) run ./internal/manual

clean: ## remove what build made
	rm -rf bin
