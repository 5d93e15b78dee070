#!/usr/bin/env bash
# Compiles the kernels into $1/libsmtkernels.so, a few compilers side by side: each instruction set has files of its own, so that no
# instruction leaves those that are chosen for it at run time. CXX may name another compiler. Exit status 3: there is none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); out=${1:?usage: build.sh OUTPUT_FOLDER}
cxx=${CXX:-g++}
command -v "$cxx" >/dev/null || { echo "no C++ compiler ($cxx)" >&2; exit 3; }
mkdir -p "$out"; work=$(mktemp -d "$out/build.XXXXXX"); trap 'rm -rf "$work"' EXIT
common=(-std=c++17 -fPIC -fopenmp -fvisibility=hidden -O3 -fno-math-errno -fno-trapping-math -Wall -Wextra -Wno-unused-parameter -Wno-psabi)
pids=()
compile() { local set=$1; shift; for f in "$@"; do "$cxx" "${common[@]}" $set -c "$here/$f" -o "$work/${f%.cpp}.o" & pids+=($!); done; }
compile "" runtime.cpp group_norm.cpp convolution.cpp mlp.cpp small.cpp group_norm_default.cpp float_default.cpp
case $(uname -m) in
  x86_64|amd64)
    compile "-march=x86-64-v3" group_norm_avx2.cpp float_avx2.cpp
    compile "-march=x86-64-v4 -mprefer-vector-width=512" group_norm_avx512.cpp float_avx512.cpp
    # gcc 12 takes its own _mm512_undefined for an uninitialised variable (its bug 105593)
    compile "-march=x86-64-v4 -mavx512bf16 -mprefer-vector-width=512 -Wno-uninitialized -Wno-maybe-uninitialized" \
      group_norm_avx512_bf16.cpp convolution_bf16.cpp convolution_bf16_gradient.cpp convolution_bf16_one.cpp ;;
  *) compile "" convolution_none.cpp ;;
esac
for pid in "${pids[@]}"; do wait "$pid"; done
"$cxx" -shared -fopenmp -Wl,--as-needed -Wl,-z,noexecstack "$work"/*.o -o "$work/libsmtkernels.so"
mv -f "$work/libsmtkernels.so" "$out/libsmtkernels.so"
