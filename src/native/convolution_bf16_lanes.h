// Compiled for AVX512-BF16 (see build.sh). vdpbf16ps adds to each of 16 float32 sums the product of two pairs of
// bfloat16 values. Everything here is an arrangement of memory such that one operand is 16 channels' pairs that lie
// next to each other and the other one pair that goes to all lanes, with all sums in registers.
#pragma once
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "convolution_bf16.h"

// Everything is in an unnamed namespace and nothing is a template of the standard library's: code compiled for this
// instruction set must not be what the linker keeps for the rest.
namespace smt {
namespace {

constexpr int64_t lanes = 16;  // channels of a block

inline __m512 multiply_add(__m512 sum, __m512i a, __m512i b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }

// One pair to all lanes. As assembly, because compilers see many loads of neighbours here, make them one wide load and
// then take that apart again, which is three times slower.
typedef int32_t pair_bits __attribute__((may_alias));

inline __m512i to_all(const uint16_t* pair) {
  __m512i r;
  asm("vpbroadcastd %1, %0" : "=v"(r) : "m"(*reinterpret_cast<const pair_bits*>(pair)));
  return r;
}

// The same within the multiplication, for a pair that is used once.
inline __m512 multiply_add(__m512 sum, __m512i a, const uint16_t* pair) {
  asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(a), "m"(*reinterpret_cast<const pair_bits*>(pair)));
  return sum;
}

// 16 values in float32
inline __m512 widened(const uint16_t* values) {
  return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)values)), 16);
}

// (a0 b0 a1 b1 ...) of the 16 values in the lower half and the 16 in the upper half
inline __m512i interleave(__m512i halves) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, halves);
}

inline __m512i pairs_of(__m256i first, __m256i second) { return interleave(_mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1)); }

inline __m512i pairs_of(__m512 first, __m512 second) { return interleave((__m512i)_mm512_cvtne2ps_pbh(second, first)); }

// 16 x 16 floats: row r at from + r * stride becomes column r of `to`
inline void transpose(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  __m512 a[16], b[16];
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++) a[r] = _mm512_loadu_ps(from + r * from_stride);
#pragma GCC unroll 16
  for (int r = 0; r < 8; r++) {
    b[2 * r] = _mm512_unpacklo_ps(a[2 * r], a[2 * r + 1]);
    b[2 * r + 1] = _mm512_unpackhi_ps(a[2 * r], a[2 * r + 1]);
  }
#pragma GCC unroll 16
  for (int r = 0; r < 4; r++)
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
      a[4 * r + 2 * k] = (__m512)_mm512_unpacklo_pd((__m512d)b[4 * r + k], (__m512d)b[4 * r + 2 + k]);
      a[4 * r + 2 * k + 1] = (__m512)_mm512_unpackhi_pd((__m512d)b[4 * r + k], (__m512d)b[4 * r + 2 + k]);
    }
#pragma GCC unroll 16
  for (int c = 0; c < 4; c++) {
    __m512 low = _mm512_shuffle_f32x4(a[c], a[4 + c], 0x88), high = _mm512_shuffle_f32x4(a[8 + c], a[12 + c], 0x88);
    __m512 low2 = _mm512_shuffle_f32x4(a[c], a[4 + c], 0xdd), high2 = _mm512_shuffle_f32x4(a[8 + c], a[12 + c], 0xdd);
    _mm512_storeu_ps(to + c * to_stride, _mm512_shuffle_f32x4(low, high, 0x88));
    _mm512_storeu_ps(to + (8 + c) * to_stride, _mm512_shuffle_f32x4(low, high, 0xdd));
    _mm512_storeu_ps(to + (4 + c) * to_stride, _mm512_shuffle_f32x4(low2, high2, 0x88));
    _mm512_storeu_ps(to + (12 + c) * to_stride, _mm512_shuffle_f32x4(low2, high2, 0xdd));
  }
}

// Blocks of output channels that are computed together, from block `done` of `blocks` on: as many as leave registers for pixels.
inline int64_t group_of(int64_t blocks, int64_t done) {
  const int64_t left = blocks - done;
  return left == 4 || left == 2 ? 2 : std::min<int64_t>(left, 3);
}

// Which of the four weights of phase p the weight at tap t of nine is part of: along a side, of a phase that begins with
// the first, the last two fall on one pixel, of the other phase the first two.
inline int64_t tap_of_phase(int64_t p, int64_t t) { return (t / 3 + 1 - p / 2) / 2 * 2 + (t % 3 + 1 - p % 2) / 2; }

// A convolution of side 1 sees rows of pixels that belong to nothing; short ones stay in the first cache.
inline conv_shape flattened(const conv_shape& s) {
  if (s.side != 1) return s;
  int64_t images = s.images, pixels = s.height * s.width;
  for (; pixels > 128 && pixels % 2 == 0; pixels /= 2) images *= 2;
  return {images, 1, pixels, s.inputs, s.outputs, 1};
}

inline int64_t side_of_phase(const conv_shape& s) { return s.doubled ? 2 : s.side; }

}  // namespace

// of convolution_bf16_gradient.cpp
int64_t conv_gradient_scratch(const conv_shape&);
void conv_gradient(const conv_shape&, const uint16_t* x, const uint16_t* dy, float* sums, float* d_bias, void* scratch);
void conv_unpack(const conv_shape&, const float* sums, float scale, float* d_weights);

// of convolution_bf16_one.cpp
extern const conv_one_kernels conv_one;

}  // namespace smt
