#!/bin/sh
# make bench: every benchmark, each beside its peer in the same run. BENCH chooses
# some, BENCHCOUNT repeats them, OLD=FILE compares with an earlier run's output.
set -eu
cd "$(dirname "$0")/.."
out=${OUT:-bench.out}
bench() { go test -run '^$' -bench "${BENCH:-.}" -benchmem -count "${BENCHCOUNT:-1}" -timeout 60m "$@"; }
{
	bench . ./fs ./fs/client ./internal/eval ./internal/goroutines ./internal/minicore ./internal/probes/jump ./internal/probes/panics ./internal/probes/returns ./internal/live ./internal/symbols ./plugins/console ./plugins/globals ./plugins/debugger ./plugins/http ./plugins/log ./plugins/profile ./plugins/vars \
		./cmd/ispymount ./cmd/ispy
	# Peers that the library's own module does not require.
	(cd plugins/http/testdata/peers && bench .)
} | tee "$out"
echo
echo "# $out, as benchstat sums it up"
go run "${BENCHSTAT_MODULE:-golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da}" ${OLD:-} "$out"
