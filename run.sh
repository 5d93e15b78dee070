#!/usr/bin/env bash
# Installs what is missing, builds, and opens SmtWeb for business. `./run.sh --help` lists the options.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); artifacts=$root/artifacts
# shellcheck source=scripts/requirements.sh
. "$root/scripts/requirements.sh"

usage() {
  cat <<'HELP'
Usage: ./run.sh [options]
       ./run.sh COMMAND ARGUMENTS      ./run.sh help lists the commands

Installs what is missing (Debian packages, by apt), builds when the sources changed, and starts SmtWeb. The build is
for NVIDIA GPUs where an NVIDIA driver answers (3 GB of packages, once), else for CPUs.
It prints the panel's address and a one-time sign-in link. Ctrl+C ends it cleanly: a running attempt writes a
checkpoint first, and the private PostgreSQL is stopped. With a command, it runs `smtweb COMMAND ARGUMENTS` instead,
which needs no database: ./run.sh train --help

Options
  --port N             port of the panel, the REST interface and the hub; 0 takes a free one   (5080)
  --host ADDRESS       localhost, an IP address, or '*' for the whole network   (localhost)
  --data DIR           folder of the private PostgreSQL and of the keys    (./data; /var/lib/smtweb for
                       root's clone in a home that is closed to others)
  --role ROLE          all: pages and training; web: pages only; worker: training only   (all)
  --connection STRING  an existing PostgreSQL instead of the private one, e.g.
                       "Host=db;Database=smtweb;Username=smtweb;Password=…". Better given as the environment
                       variable SmtWeb__Connection, which other users of the machine cannot see.
  --threads N          CPU threads of a training process                        (2)
  --cpu, --gpu         build for CPUs, or for NVIDIA GPUs, whatever is there
  --hosts NAMES        names and addresses by which the site is reached, e.g. lab.example.org   (those it listens on)
  --proxies ADDRESSES  proxies whose X-Forwarded headers count, e.g. 10.0.0.5,10.1.0.0/16   (none)
  --open-lab           every member changes everybody's runs; else only their owner and administrators
  --no-quickstart      do not queue the quickstart runs on an empty database
  --build-only         install and build, but do not start
  --help               this text

Needs Debian 12 or newer and the .NET SDK 10. Root (or sudo) only while something has to be installed.
HELP
}

# number NAME VALUE MIN MAX
number() {
  [[ $2 =~ ^[0-9]{1,6}$ ]] && (( 10#$2 >= $3 && 10#$2 <= $4 )) || fail "$1 must be a whole number from $3 to $4, not '$2'."
}

build_only='' device='' command=(serve)
# The program knows its commands (and says which there are to one that it does not know); this script knows none.
case ${1:-} in
  serve) shift ;;
  -*|'') ;;
  *) command=("$@"); set -- ;;
esac
while [ $# -gt 0 ]; do
  option=$1; value=''
  case $option in
    --help|-h) usage; exit 0 ;;
    --no-quickstart) export SmtWeb__Quickstart=false; shift; continue ;;
    --open-lab) export SmtWeb__OpenLab=true; shift; continue ;;
    --build-only) build_only=yes; shift; continue ;;
    --cpu|--gpu) [ -z "$device" ] || [ "$device" = "$option" ] || fail "--cpu and --gpu exclude each other."; device=$option; shift; continue ;;
    --*=*) value=${option#*=}; option=${option%%=*}; shift ;;
    --port|--host|--hosts|--proxies|--data|--role|--connection|--threads)
      [ $# -ge 2 ] || fail "$option needs a value. ./run.sh --help lists the options."
      value=$2; shift 2 ;;
  esac
  case $option in
    --port) number --port "$value" 0 65535; export SmtWeb__Port=$value ;;
    --host) [ -n "$value" ] || fail "--host needs an address."; export SmtWeb__Host=$value ;;
    --hosts) [ -n "$value" ] || fail "--hosts needs a name."; export SmtWeb__Hosts=$value ;;
    --proxies) [ -n "$value" ] || fail "--proxies needs an address."; export SmtWeb__Proxies=$value ;;
    --data) [ -n "$value" ] || fail "--data needs the name of a folder."; SmtWeb__Data=$(realpath -m -- "$value"); export SmtWeb__Data ;;
    --role) [[ $value =~ ^(all|web|worker)$ ]] || fail "--role must be all, web or worker, not '$value'."; export SmtWeb__Role=$value ;;
    --connection) [ -n "$value" ] || fail "--connection needs a connection string."; export SmtWeb__Connection=$value ;;
    --threads) number --threads "$value" 1 1024; export SmtWeb__Threads=$value ;;
    *) fail "unknown option '$option'. ./run.sh --help lists the options." ;;
  esac
done
# Root's home is closed, and PostgreSQL does not run as root: a clone in /root keeps its data elsewhere.
if [ -z "${SmtWeb__Data:-}" ]; then
  SmtWeb__Data=$root/data
  if [ "$(id -u)" = 0 ] && [ -z "${SmtWeb__Connection:-}" ] && closed=$(closed_to_others "$root") && [ -n "$closed" ]; then
    SmtWeb__Data=/var/lib/smtweb
    [ "${command[0]}" = serve ] && say "Data folder: $SmtWeb__Data, because PostgreSQL's user may not enter $closed (--data chooses another)."
  fi
elif [ "$(id -u)" = 0 ] && [ -z "${SmtWeb__Connection:-}" ] && closed=$(closed_to_others "$(dirname "$SmtWeb__Data")") && [ -n "$closed" ]; then
  fail "--data $SmtWeb__Data: under root PostgreSQL runs as the user postgres, who may not enter $closed. Choose a folder below /var/lib or /srv, say."
fi
export SmtWeb__Data

require_dotnet
case $device in
  --cpu) export TorchDevice=cpu ;;
  --gpu) export TorchDevice=cuda ;;
  *) if nvidia_driver; then export TorchDevice=cuda; else export TorchDevice=cpu; fi ;;
esac
sources=(src migrations wwwroot assets build appsettings.json Directory.Build.props Directory.Build.targets Directory.Packages.props)

# The first start builds everything; later ones compare one hash. The stamp is written last, so that an interrupted build
# is never taken for a finished one.
app=$artifacts/app; stamp=$artifacts/app.stamp; build=''
[ -x "$app/smtweb" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(source_hash "${sources[@]}")" ] || build=yes

# The analyzers' opinions are for whoever changes the sources: test.sh asks for them.
quickly=(-c Release -nologo -v quiet -p:UseSharedCompilation=false -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false)
# while Debian's packages are being installed: everything in C#. What fails here is tried again, and told, below.
prefetch() { [ "$TorchDevice" = cpu ] && CXX=no-compiler-yet dotnet build "$root/src/SmtWeb.Web" "${quickly[@]}" >/dev/null 2>&1; }
if [ -n "$build" ]; then need "${requirements_run[@]}" -- "${requirements_wanted[@]}"; else need "${requirements_run[@]}"; fi
set_runtime_environment

# build_failed LOG: what went wrong, and the way out
build_failed() {
  grep -E 'error|SMT1003' "$1" | sed -E 's/ \[[^]]*\]$//' | sort -u | head -n 20 >&2 || true
  [ "$TorchDevice" = cuda ] && say "This was the build for NVIDIA GPUs. ./run.sh --cpu builds for CPUs." >&2
  fail "the build failed; the whole log is ${1#"$root"/}."
}

if [ -n "$build" ]; then
  if [ "$TorchDevice" = cuda ]; then
    say "Building for NVIDIA GPUs: the packages (TorchSharp-cuda-linux) are about 3 GB, which are fetched once. ./run.sh --cpu does without."
  fi
  say "Building (log: artifacts/build.log)"
  mkdir -p "$artifacts"; rm -f "$stamp"; rm -rf "$app.new"
  fetch_packages "$root/src/SmtWeb.Web" || build_failed "$artifacts/restore.log"
  dotnet publish "$root/src/SmtWeb.Web" -o "$app.new" --no-restore "${quickly[@]}" >"$artifacts/build.log" 2>&1 || build_failed "$artifacts/build.log"
  # a build leaves traces in the source folders (blazor.web.js), so the stamp is the hash after it
  rm -rf "$app"; mv "$app.new" "$app"
  source_hash "${sources[@]}" >"$stamp"
fi
[ -n "$build_only" ] && { say "Built: artifacts/app/smtweb"; exit 0; }

# exec: Ctrl+C and a service manager's SIGTERM reach the program itself
exec "$app/smtweb" "${command[@]}"
