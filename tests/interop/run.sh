#!/usr/bin/env bash
# Runs the interop scripts: all of them, or those whose names are given. Builds what they need first.
# A line for each: ok, skipped with the reason, or FAILED with its output. Fails if one failed.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# With the features that the tests are built with, so that nothing is built twice.
if [ -z "${WAXWING_BIN:-}" ]; then
    programs=(--bin waxwingd --bin chat --bin embed --example survive --example login)
    (cd "$root" && cargo build --locked --workspace --all-features "${programs[@]}")
fi

scripts=("$interop"/[0-9][0-9]-*.sh)
[ $# -gt 0 ] && scripts=("${@/#/$interop/}")
logs=$target/interop/logs
mkdir -p "$logs"

passed=0 failed=0 skipped=0
for script in "${scripts[@]}"; do
    name=$(basename "$script" .sh)
    log=$logs/$name.log
    start=$SECONDS status=0
    timeout --kill-after=30 300 bash "$script" </dev/null >"$log" 2>&1 || status=$?
    case $status in
        0)
            passed=$((passed + 1))
            echo "interop $name: ok ($((SECONDS - start)) s)"
            ;;
        77)
            skipped=$((skipped + 1))
            echo "interop $name: skipped: $(sed -n 's/^skip: //p' "$log" | tail -n 1)"
            ;;
        *)
            failed=$((failed + 1))
            echo "interop $name: FAILED (exit code $status)"
            sed 's/^/    /' "$log"
            ;;
    esac
done
echo "interop: $((passed + failed)) of ${#scripts[@]} ran, $passed ok, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
