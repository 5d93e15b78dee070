# shellcheck shell=bash
# What SmtWeb needs from the system: one table for run.sh and test.sh, the checks, and the installation.
# Sourced, never run. Everything is checked before anything is changed.

# The SDK and the program need no ICU (Directory.Build.props: InvariantGlobalization), so it is not a requirement.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false

say()  { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# have_library NAME: the dynamic loader knows NAME (ldconfig is in /sbin, which not every user has on the PATH)
# (no grep -q: it would leave ldconfig with a broken pipe, which pipefail takes for "not there")
have_library() { /sbin/ldconfig -p 2>/dev/null | grep -F "$1 " >/dev/null; }

any_file() { compgen -G "$1" >/dev/null; }

# One line a requirement: package | what it is for | a test that says whether it is already there.
# The tests look at files and not at dpkg, so that a PostgreSQL that came another way counts too. libtorch is a NuGet package.
requirements_run=(
  "postgresql|the database; only its programs are used, on a private data folder|any_file '/usr/lib/postgresql/*/bin/initdb'"
  "dataset-fashion-mnist|the training images of the quickstart|any_file '/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz'"
  "liblmdb0|reads data sets in LMDB files (ImageNet-64)|have_library liblmdb.so.0"
  "ca-certificates|the package registry is reached by https|any_file '/etc/ssl/certs/ca-certificates.crt'"
)
# Installed along with the others where that is possible; nothing stops for want of them.
requirements_wanted=(
  "g++|compiles the kernels; without them training on CPUs is several times slower|command -v \"\${CXX:-g++}\""
)
requirements_test=(
  "libgloo-dev|runs on several CPU devices|[ -f /usr/include/gloo/context.h ]"
  "nginx-light|the test of SmtWeb behind a proxy with TLS|command -v nginx || [ -x /usr/sbin/nginx ]"
  "openssl|the certificate of that test|command -v openssl"
)
requirements_browser=(
  "chromium-headless-shell|browser tests|[ -x /usr/bin/chromium-headless-shell ]"
)
requirements_peers=(
  "python3-torch|the PyTorch side of the benchmarks|/usr/bin/python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec(\"torch\") is None)'"
  "python3-torchvision|the InceptionV3 of the benchmark 'inception'|/usr/bin/python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec(\"torchvision\") is None)'"
)

# missing_of REQUIREMENT…: prints "package|purpose" of those whose test fails
missing_of() {
  local line package purpose check
  for line in "$@"; do
    IFS='|' read -r package purpose check <<<"$line" # the test keeps its own bars: only two are separators
    (eval "$check") >/dev/null 2>&1 || printf '%s|%s\n' "$package" "$purpose"
  done
}

require_dotnet() {
  local sdks
  sdks=$(command -v dotnet >/dev/null && dotnet --list-sdks 2>/dev/null | cut -d' ' -f1 || true)
  grep -q '^1[0-9]\.' <<<"$sdks" && return
  fail "the .NET SDK 10 is missing (found: ${sdks:-none}). It is not a Debian package:
  https://learn.microsoft.com/dotnet/core/install/linux-debian, then run this again."
}

# as_root COMMAND…: directly, or through sudo. Asks for a password only where a person can answer.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif [ -t 0 ]; then sudo "$@"; else sudo -n "$@"; fi
}

can_be_root() {
  [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }
}

# need REQUIREMENT… [-- WANTED…]: installs what is missing of them. Where that cannot be, it lists it and stops, unless
# only wanted ones are missing: then it says once what they are for.
need() {
  local required=() missing wanted packages why=''
  while [ $# -gt 0 ] && [ "$1" != -- ]; do required+=("$1"); shift; done
  shift || true
  missing=$(missing_of "${required[@]}"); wanted=$(missing_of "$@")
  [ -z "$missing$wanted" ] && return
  packages=$(printf '%s\n' "$missing" "$wanted" | sed '/^$/d' | cut -d'|' -f1 | tr '\n' ' ')
  if ! command -v apt-get >/dev/null; then why='this system has no apt-get'
  elif ! can_be_root; then why='installing needs root, and there is neither root nor sudo here'; fi
  [ -z "$why" ] && install_packages "$packages" && return
  if [ -z "$missing" ]; then
    while IFS='|' read -r package purpose; do say "Without $package: it $purpose. (apt-get install $package, then run this again.)"; done <<<"$wanted"
    return
  fi
  {
    say "error: ${why:-the packages could not be installed (see above)}. Nothing was built or started. Missing:"
    while IFS='|' read -r package purpose; do printf '  %-22s %s\n' "$package" "$purpose"; done <<<"$missing"
    say "On Debian 12 or newer an administrator gets them with:"
    say "  apt-get install --no-install-recommends $packages"
  } >&2
  exit 1
}

# install_packages LIST: all of them or none. Downloads first, so that a lost network leaves the system as it was.
install_packages() {
  local log=$artifacts/apt.log list prefetching=''
  read -ra list <<<"$1"
  say "Installing ${list[*]} (log: ${log#"$root"/})"
  mkdir -p "$artifacts"
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  # run.sh fetches the NuGet packages meanwhile, and compiles
  if declare -F prefetch >/dev/null; then prefetch & prefetching=$!; fi
  {
    as_root "${get[@]}" update &&
    as_root "${get[@]}" install --no-install-recommends --download-only "${list[@]}" &&
    without_default_cluster as_root "${get[@]}" install --no-install-recommends "${list[@]}"
  } >"$log" 2>&1 || { grep -E '^(E|W|Err)' "$log" | tail -n 10 >&2 || true; return 1; }
  hash -r
  [ -z "$prefetching" ] || wait "$prefetching" || true
}

# Debian's PostgreSQL package makes a cluster and starts it. SmtWeb keeps a database of its own and wants neither;
# the setting lasts only for this installation, and where PostgreSQL is already installed nothing is touched.
without_default_cluster() {
  local folder=/etc/postgresql-common/createcluster.d file=/etc/postgresql-common/createcluster.d/smtweb-install.conf status=0
  if any_file '/usr/lib/postgresql/*/bin/initdb'; then "$@"; return; fi
  as_root mkdir -p "$folder"
  printf 'create_main_cluster = false\nstart_conf = manual\n' | as_root tee "$file" >/dev/null
  "$@" || status=$?
  as_root rm -f "$file"
  return $status
}

# closed_to_others FOLDER: the first folder on the way to it that other users may not enter. Under root PostgreSQL runs
# as the user postgres (it refuses to run as root), who has to get there.
closed_to_others() {
  local path=$1 closed=''
  while [ "$path" != / ]; do
    if [ -d "$path" ] && (( (8#$(stat -c %a "$path") & 1) == 0 )); then closed=$path; fi
    path=$(dirname "$path")
  done
  printf '%s' "$closed"
}

# Threads that sleep while they wait: spinning OpenMP threads stall each other for seconds on a machine with few cores
# (docs/adr/0012-cpu.md).
set_runtime_environment() {
  # Without a C++ compiler nothing keeps the numbers that TorchSharp frees too early (ADR 20): rare collections make that rare. They
  # cost a small network a quarter of its speed (what is new lies in no cache), so only there.
  command -v "${CXX:-g++}" >/dev/null || export DOTNET_GCgen0size=10000000
  export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=10000
}

# nvidia_driver: an NVIDIA driver answers on this machine
nvidia_driver() {
  [ -r /proc/driver/nvidia/version ] || { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }
}

# source_hash FOLDER_OR_FILE…: changes when a source file, its size or its time does, or the SDK, the device, or what compiles C++
source_hash() {
  {
    dotnet --version
    printf '%s\n' "${TorchDevice:-cpu}" "$(command -v "${CXX:-g++}" || true)"
    ls /usr/include/gloo/context.h 2>/dev/null || true
    (cd "$root" && find "$@" \( -name bin -o -name obj -o -name _framework \) -prune -o -type f -printf '%p %s %T@\n' 2>/dev/null | sort) || true
  } | sha256sum | cut -c1-32
}

# fetch_packages PROJECT: NuGet's restore. What it takes is said while it goes on: the libraries are large.
fetch_packages() {
  local log=$artifacts/restore.log folders=("${NUGET_PACKAGES:-$HOME/.nuget/packages}" "${NUGET_HTTP_CACHE_PATH:-${XDG_DATA_HOME:-$HOME/.local/share}/NuGet}")
  local restore before now seconds=0 status=0
  megabytes() { du -smc "${folders[@]}" 2>/dev/null | tail -n 1 | cut -f1; }
  mkdir -p "$artifacts"
  before=$(megabytes)
  dotnet restore "$1" -v quiet -nologo >"$log" 2>&1 & restore=$!
  while kill -0 "$restore" 2>/dev/null; do
    sleep 1; seconds=$((seconds + 1))
    [ $((seconds % 10)) = 0 ] || continue
    now=$(megabytes)
    [ "$now" -le "$((before + 1))" ] || say "  fetching packages: $((now - before)) MB on disk after $seconds s"
  done
  wait "$restore" || status=$?
  return $status
}

# count_results TRX: passed, failed and skipped of one results file. A test of the total that was not executed was skipped.
count_results() {
  local line total executed passed
  line=$(grep -m 1 -oE '<Counters [^>]*' "$1" 2>/dev/null || true)
  attribute() { sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p" <<<" $line"; }
  total=$(attribute total); executed=$(attribute executed); passed=$(attribute passed)
  printf '%d %d %d\n' "${passed:-0}" "$(( ${executed:-0} - ${passed:-0} ))" "$(( ${total:-0} - ${executed:-0} ))"
}
