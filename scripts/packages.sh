#!/usr/bin/env bash
# Lists packages that are older than what the registry serves, and packages with published vulnerabilities.
# Exit status: 0 nothing to do, 1 something is listed that no line below explains, 2 the registry could not be asked.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1

# package (a prefix ends with *) | newer versions that are left alone | why
kept=(
  "Microsoft.AspNetCore.*|11.|goes with the framework, which is .NET 10"
  "Microsoft.EntityFrameworkCore.*|11.|goes with the framework, which is .NET 10"
  "System.Composition|11.|goes with the framework, which is .NET 10"
  "SixLabors.ImageSharp|3.|from 3.0 on a paid licence; 2.1 is Apache-2.0"
  "SixLabors.ImageSharp|4.|from 3.0 on a paid licence; 2.1 is Apache-2.0"
  "Microsoft.OpenApi|3.|Microsoft.AspNetCore.OpenApi 10 is compiled against 2.x"
  "xunit.v3|4.|refuses \`dotnet test\` as VSTest, whose filters and result files test.sh reads"
  "xunit.runner.visualstudio|4.|goes with xunit.v3"
)

# reason_for PACKAGE VERSION: why a newer version is left alone, or nothing
reason_for() {
  local line pattern version why
  for line in "${kept[@]}"; do
    IFS='|' read -r pattern version why <<<"$line"
    # shellcheck disable=SC2053 # the package is matched against a pattern
    if [[ $1 == $pattern && $2 == "$version"* ]]; then printf '%s' "$why"; return; fi
  done
}

# ask WHAT: one line a package, "name|requested|resolved|latest or severity|advisory", each once
ask() {
  local answer
  if ! answer=$(dotnet list SmtWeb.sln package "--$1" 2>&1); then
    { echo "error: the registry could not be asked for $1 packages:"; tail -n 3 <<<"$answer"; } >&2
    exit 2
  fi
  awk '$1 == ">" { print $2 "|" $3 "|" $4 "|" $5 "|" $6 }' <<<"$answer" | sort -u
}

status=0
while IFS='|' read -r name _ resolved latest _; do
  [ -n "$name" ] || continue
  why=$(reason_for "$name" "$latest")
  printf '%-52s %-10s newest %-10s %s\n' "$name" "$resolved" "$latest" "${why:+kept: $why}"
  [ -n "$why" ] || status=1
done < <(ask outdated)
while IFS='|' read -r name _ resolved severity advisory; do
  [ -n "$name" ] || continue
  printf '%-52s %-10s VULNERABLE (%s) %s\n' "$name" "$resolved" "$severity" "$advisory"
  status=1
done < <(ask vulnerable)
[ "$status" != 0 ] || echo "Every package is the newest that is wanted, and none has a known vulnerability."
exit "$status"
