#!/usr/bin/env bash
# Builds libsmtgloo.so into $1 where Debian's libgloo-dev and a compiler are. Where they are not, it leaves nothing and says nothing:
# a run on several CPU devices then tells what it needs (src/SmtWeb.Torch/Distributed/Gloo.cs).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); out=${1:?usage: build.sh OUTPUT_FOLDER}; compiler=${CXX:-g++}
mkdir -p "$out"; rm -f "$out/libsmtgloo.so"
command -v "$compiler" >/dev/null || exit 0
printf '#include <gloo/context.h>\n' | "$compiler" -std=c++17 -E -x c++ - >/dev/null 2>&1 || exit 0
"$compiler" -std=c++17 -O3 -fPIC -shared -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter -o "$out/libsmtgloo.so.new" "$here/smtgloo.cpp" -lgloo
mv "$out/libsmtgloo.so.new" "$out/libsmtgloo.so"
