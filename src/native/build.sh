#!/usr/bin/env bash
# Builds libsmttorch.so into $1. Torch_DIR or CMAKE_PREFIX_PATH may point at another libtorch (2.x, CUDA).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); out=${1:?usage: build.sh OUTPUT_FOLDER}
mkdir -p "$out"; out=$(cd "$out" && pwd)
if [ ! -f "${Torch_DIR:-/usr/share/cmake/Torch}/TorchConfig.cmake" ] && [ -z "${CMAKE_PREFIX_PATH:-}" ] && [ -z "${Torch_DIR:-}" ]; then
  ls /usr/lib/*/cmake/Torch/TorchConfig.cmake >/dev/null 2>&1 || { echo "error: libtorch was not found. Install it with: apt-get install libtorch-dev (or set Torch_DIR to a libtorch 2.x)" >&2; exit 1; }
fi
cmake -S "$here" -B "$out/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$out" >"$out/cmake.log" 2>&1 || { tail -20 "$out/cmake.log" >&2; exit 1; }
cmake --build "$out/build" -j 2 >"$out/build.log" 2>&1 || { grep -E "error|Error" "$out/build.log" | head -20 >&2; exit 1; }
touch "$out/libsmttorch.so"
