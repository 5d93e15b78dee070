#!/usr/bin/env bash
# Installs what the tests need, builds once, runs them. `./test.sh --help` lists the selections.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); artifacts=$root/artifacts; cd "$root"
# shellcheck source=scripts/requirements.sh
. "$root/scripts/requirements.sh"

usage() {
  cat <<'HELP'
Usage: ./test.sh [selection…]

Without a selection: every test of every project. The last line is "N passed, N failed, N skipped"; the exit status
is 0 only if nothing failed and something ran. Results stay in artifacts/test-results (trx, log, screenshots).

Selections (several are joined with "or")
  torch smt runs worker web browser architecture   the project of that name
  unit          everything that needs neither PostgreSQL nor a browser
  golden        only the comparisons with numbers of the reference code; SMTWEB_GOLDEN=DIR takes another set
  TEXT          tests whose full name contains TEXT, e.g. "./test.sh LeaseQueue"

Environment
  SMTWEB_GOLDEN         folder of golden files (default: the set in the repository)
  SMTWEB_TEST_TIMEOUT   seconds that one project may take (default 1200)
HELP
}

filters=() projects=() browser_wanted=''
for selection in "$@"; do
  case $selection in
    --help|-h) usage; exit 0 ;;
    -*) fail "unknown option '$selection'. ./test.sh --help lists the selections." ;;
    golden) filters+=('Category=Golden') ;;
    unit) filters+=('(Needs!=Postgres&Needs!=Browser&FullyQualifiedName!~SmtWeb.Browser.Tests)') ;;
    *)
      found=''
      for project in tests/*.Tests; do
        name=${project#tests/SmtWeb.}; name=${name%.Tests}
        [ "${name,,}" = "${selection,,}" ] && { projects+=("$project"); found=yes; }
      done
      [ -n "$found" ] || filters+=("FullyQualifiedName~$selection") ;;
  esac
done
[ ${#projects[@]} -gt 0 ] || projects=(tests/*.Tests)
filter=$(IFS='|'; printf '%s' "${filters[*]}")
for project in "${projects[@]}"; do [ "$project" = tests/SmtWeb.Browser.Tests ] && browser_wanted=yes; done
[[ $filter == *Needs!=Browser* || $filter == Category=Golden ]] && browser_wanted=''

require_dotnet
if [ -n "$browser_wanted" ]; then requirements_test+=("${requirements_browser[@]}"); fi
need "${requirements_run[@]}" "${requirements_test[@]}" -- "${requirements_wanted[@]}"
set_runtime_environment
# The tests run on the developer's machine beside a running SmtWeb: they must not see its settings.
unset SMTWEB_PORT SMTWEB_HOST SMTWEB_DATA SMTWEB_ROLE SMTWEB_CONNECTION SMTWEB_THREADS SMTWEB_QUICKSTART SMTWEB_METRICS SMTWEB_DATASETS
unset SmtWeb__Port SmtWeb__Host SmtWeb__Data SmtWeb__Role SmtWeb__Connection SmtWeb__Threads SmtWeb__Quickstart SmtWeb__Hosts SmtWeb__Proxies SmtWeb__OpenLab SMTWEB_HOSTS SMTWEB_PROXIES SMTWEB_OPENLAB

results=$artifacts/test-results
rm -rf "$results"; mkdir -p "$results"
export SMTWEB_TEST_RESULTS=$results SMTWEB_ARTIFACTS=$results
started=$SECONDS
say "Building"
if ! dotnet build SmtWeb.sln -c Release -nologo -v quiet -p:UseSharedCompilation=false >"$results/build.log" 2>&1; then
  grep -E 'error' "$results/build.log" | sort -u | head -n 40 >&2 || true
  fail "the build failed; the whole log is artifacts/test-results/build.log."
fi
say "Built in $((SECONDS - started)) s"

passed=0 failed=0 skipped=0
for project in "${projects[@]}"; do
  name=${project#tests/}; started=$SECONDS; status=0
  timeout -k 30 "${SMTWEB_TEST_TIMEOUT:-1200}" \
    dotnet test "$project" -c Release --no-build -nologo ${filter:+--filter "$filter"} \
      --results-directory "$results" --logger "trx;LogFileName=$name.trx" --logger 'console;verbosity=minimal' \
      </dev/null >"$results/$name.log" 2>&1 || status=$?
  grep -vE '^(Test run for|VSTest version|Starting test execution|A total of|No test matches|Results File|WARNING: Overwriting|Passed!|Failed!|Skipped!|\s*$)|is available in .*Additionally' "$results/$name.log" || true
  read -r p f s < <(count_results "$results/$name.trx")
  # a crash or a timeout ends the project without a failed test in its results: it must not pass for that
  if [ $status != 0 ] && [ "$f" = 0 ]; then
    f=1; say "  $name ended with status $status$([ $status = 124 ] && echo ' (timed out)'); see artifacts/test-results/$name.log"
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  [ $((p + f + s)) = 0 ] || say "$(printf '%-28s %4d passed %4d failed %4d skipped %5d s' "$name" "$p" "$f" "$s" $((SECONDS - started)))"
done

[ $((passed + failed)) -gt 0 ] || say "No test ran."
say "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]
