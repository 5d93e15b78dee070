// Compiled for AVX512-BF16 (see CMakeLists.txt). vdpbf16ps adds to each of 16 float32 sums the product of two pairs of
// bfloat16 values. Everything here is an arrangement of memory such that one operand is 16 channels' pairs that lie
// next to each other and the other one pair that goes to all lanes, with all sums in registers.
#include "convolution_bf16.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

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

// 16 rows of 16 values as eight rows of pairs, each `apart` values from the next
inline void pack_block(const float* rows, int64_t row, __m512 factor, uint16_t* to, int64_t apart) {
#pragma GCC unroll 8
  for (int64_t j = 0; j < 8; j++)
    _mm512_storeu_si512(to + j * apart, pairs_of(_mm512_loadu_ps(rows + 2 * j * row) * factor, _mm512_loadu_ps(rows + (2 * j + 1) * row) * factor));
}

// Packed weights: for each group of K output blocks [input block][tap][pair of inputs][K][16 outputs][2].
void pack(const conv_shape& s, const float* weights, float scale, uint16_t* packed) {
  const int64_t taps = s.side * s.side, blocks = s.outputs / lanes, row = s.inputs * taps;
  alignas(64) float square[lanes * lanes];
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t o = 0, K; o < blocks; packed += K * lanes * row, o += K) {
    K = group_of(blocks, o);
    for (int64_t k = 0; k < K; k++)
      for (int64_t b = 0; b < s.inputs / lanes; b++)
        for (int64_t t = 0; t < taps; t++) {
          transpose(weights + (o + k) * lanes * row + t * s.inputs + b * lanes, row, square, lanes);
          pack_block(square, lanes, factor, packed + ((b * taps + t) * 8 * K + k) * 32, K * 32);
        }
  }
}

// Inputs and outputs change places, and each tap goes to the other side of the middle.
void pack_transposed(const conv_shape& s, const float* weights, float scale, uint16_t* packed) {
  const int64_t taps = s.side * s.side, blocks = s.inputs / lanes, row = s.inputs * taps;
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t i = 0, K; i < blocks; packed += K * lanes * s.outputs * taps, i += K) {
    K = group_of(blocks, i);
    for (int64_t k = 0; k < K; k++)
      for (int64_t b = 0; b < s.outputs / lanes; b++)
        for (int64_t t = 0; t < taps; t++)
          pack_block(weights + b * lanes * row + (taps - 1 - t) * s.inputs + (i + k) * lanes, row, factor, packed + ((b * taps + t) * 8 * K + k) * 32, K * 32);
  }
}

// Some rows of an image with a border of zeros, [block][rows][columns][16], and room for what a last tile reads past its end.
struct padded {
  int64_t rows, columns, border, strip;  // strip: rows without the border
  explicit padded(const conv_shape& s) : columns(s.width + s.side - 1), border(s.side / 2) {
    constexpr int64_t wanted = 24 << 10;  // bytes that leave room in the first cache for weights
    strip = wanted / (columns * s.inputs * static_cast<int64_t>(sizeof(uint16_t))) / 4 * 4;
    strip = std::min(s.height, std::max<int64_t>(8, strip));
    rows = strip + s.side - 1;
  }
  int64_t pitch() const { return columns * lanes; }
  int64_t plane() const { return rows * pitch(); }
  int64_t size(const conv_shape& s) const { return s.inputs / lanes * plane() + 4 * pitch() + 16 * lanes; }

  // rows [first, first + count) and their neighbours; the columns of the border are zero already
  void fill(const conv_shape& s, const uint16_t* x, int64_t first, int64_t count, uint16_t* to) const {
    for (int64_t b = 0; b < s.inputs / lanes; b++)
      for (int64_t r = 0; r < count + s.side - 1; r++) {
        const int64_t h = first + r - border;
        uint16_t* row = to + b * plane() + r * pitch() + border * lanes;
        if (h < 0 || h >= s.height) {
          std::memset(row, 0, s.width * lanes * sizeof(uint16_t));
          continue;
        }
        const uint16_t* from = x + h * s.width * s.inputs + b * lanes;
        for (int64_t w = 0; w < s.width; w++) _mm256_storeu_si256((__m256i*)(row + w * lanes), _mm256_loadu_si256((const __m256i*)(from + w * s.inputs)));
      }
  }
};

struct output {
  const float* bias;
  const uint16_t* residual;
  float factor;
  uint16_t* y;
};

// K blocks of output channels of `height` rows, in tiles of R rows by P pixels.
template <int K, int P, int R, int S>
void run_group(const conv_shape& s, const padded& p, int64_t height, const uint16_t* x, const uint16_t* packed, const output& out) {
  const int64_t pitch = p.pitch(), plane = p.plane(), blocks = s.inputs / lanes;
  for (int64_t h = 0; h < height; h += R)
    for (int64_t w = 0; w < s.width; w += P) {
      __m512 sum[R * P][K];
#pragma GCC unroll 4
      for (int k = 0; k < K; k++) {
        const __m512 start = out.bias ? _mm512_loadu_ps(out.bias + k * lanes) : _mm512_setzero_ps();
#pragma GCC unroll 32
        for (int q = 0; q < R * P; q++) sum[q][k] = start;
      }
      const uint16_t* weight = packed;
      for (int64_t b = 0; b < blocks; b++) {
        const uint16_t* row = x + b * plane + h * pitch + w * lanes;
        for (int i = 0; i < S; i++, row += pitch - S * lanes)
#pragma GCC unroll 1
          for (int j = 0; j < S; j++, row += lanes)
#pragma GCC unroll 8
            for (int c = 0; c < 8; c++, weight += K * 32) {
              __m512i factors[K];
#pragma GCC unroll 4
              for (int k = 0; k < K; k++) factors[k] = _mm512_load_si512(weight + k * 32);
#pragma GCC unroll 4
              for (int r = 0; r < R; r++)
#pragma GCC unroll 32
                for (int q = 0; q < P; q++) {
                  const uint16_t* at = row + r * pitch + q * lanes + 2 * c;
                  if (K == 1) {
                    sum[r * P + q][0] = multiply_add(sum[r * P + q][0], factors[0], at);
                    continue;
                  }
                  const __m512i pair = to_all(at);
#pragma GCC unroll 4
                  for (int k = 0; k < K; k++) sum[r * P + q][k] = multiply_add(sum[r * P + q][k], pair, factors[k]);
                }
            }
      }
      const int64_t rows = std::min<int64_t>(R, height - h), columns = std::min<int64_t>(P, s.width - w);
      const __m512 factor = _mm512_set1_ps(out.factor);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++)
#pragma GCC unroll 32
        for (int q = 0; q < P; q++) {
          if (r >= rows || q >= columns) continue;
          const int64_t at = ((h + r) * s.width + w + q) * s.outputs;
#pragma GCC unroll 4
          for (int k = 0; k < K; k++) {
            __m512 v = sum[r * P + q][k];
            if (out.residual) {
              const __m256i bits = _mm256_loadu_si256((const __m256i*)(out.residual + at + k * lanes));
              v = _mm512_fmadd_ps((__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16), factor, v);
            }
            _mm256_storeu_si256((__m256i*)(out.y + at + k * lanes), (__m256i)_mm512_cvtneps_pbh(v));
          }
        }
    }
}

using group_function = void (*)(const conv_shape&, const padded&, int64_t, const uint16_t*, const uint16_t*, const output&);

template <int S>
group_function group_for(int64_t K, int64_t width) {
  if (K == 1) return width > 8 ? run_group<1, 16, 1, S> : width > 4 ? run_group<1, 8, 2, S> : run_group<1, 4, 4, S>;
  if (K == 2) return width > 4 ? run_group<2, 8, 1, S> : run_group<2, 4, 2, S>;
  return width > 4 ? run_group<3, 8, 1, S> : run_group<3, 4, 2, S>;
}

// A convolution of side 1 sees rows of pixels that belong to nothing; short ones stay in the first cache.
conv_shape flattened(const conv_shape& s) {
  if (s.side != 1) return s;
  int64_t images = s.images, pixels = s.height * s.width;
  for (; pixels > 128 && pixels % 2 == 0; pixels /= 2) images *= 2;
  return {images, 1, pixels, s.inputs, s.outputs, 1};
}

int64_t run_scratch(const conv_shape& shape) {
  const auto s = flattened(shape);
  return padded(s).size(s) * sizeof(uint16_t);
}

void run(const conv_shape& shape, const uint16_t* x, const uint16_t* packed, const float* bias, const uint16_t* residual, float factor,
         uint16_t* y, void* scratch) {
  const auto s = flattened(shape);
  const padded p(s);
  auto* image = static_cast<uint16_t*>(scratch);
  std::memset(image, 0, p.size(s) * sizeof(uint16_t));
  const int64_t blocks = s.outputs / lanes, pixels = s.height * s.width;
  for (int64_t n = 0; n < s.images; n++)
    for (int64_t h = 0; h < s.height; h += p.strip) {
      const int64_t rows = std::min(p.strip, s.height - h);
      p.fill(s, x + n * pixels * s.inputs, h, rows, image);
      for (int64_t o = 0, K; o < blocks; o += K) {
        K = group_of(blocks, o);
        const int64_t at = (n * pixels + h * s.width) * s.outputs + o * lanes;
        const output out = {bias ? bias + o * lanes : nullptr, residual ? residual + at : nullptr, factor, y + at};
        const auto group = s.side == 3 ? group_for<3>(K, s.width) : group_for<1>(K, s.width);
        group(s, p, rows, image, packed + o * lanes * s.inputs * s.side * s.side, out);
      }
    }
}

// ---- gradient of the weights ----

// What is gone through at a time: some rows of an image or, of small images, some images.
struct strip {
  int64_t pairs, rows, images;  // pairs of pixels of a row
  explicit strip(const conv_shape& s) : pairs((s.width + 1) / 2) {
    constexpr int64_t wanted = 128;  // pairs: the strip of a channel block then stays in the first cache
    rows = std::min(s.height, std::max<int64_t>(1, wanted / pairs));
    images = rows < s.height ? 1 : std::min(s.images, std::max<int64_t>(1, wanted / (pairs * rows)));
  }
  int64_t input_run(const conv_shape& s) const { return (rows + s.side - 1) * pairs * 32; }  // of an image
  int64_t input_plane(const conv_shape& s) const { return images * input_run(s); }           // of a channel block
  int64_t output_run() const { return rows * pairs * 32; }
  int64_t output_plane() const { return images * output_run(); }                             // of a channel block and column of taps
  int64_t size(const conv_shape& s) const { return s.inputs / lanes * input_plane(s) + s.side * s.outputs / lanes * output_plane(); }
};

// One row of a channel block as pairs of neighbours (first + 2q, first + 2q + 1), zeros beyond the row's ends.
inline void interleave_row(const uint16_t* row, int64_t channels, int64_t width, int64_t first, int64_t pairs, uint16_t* to) {
  auto load = [&](int64_t w) { return _mm256_loadu_si256((const __m256i*)(row + w * channels)); };
  auto pixel = [&](int64_t w) { return w < 0 || w >= width ? _mm256_setzero_si256() : load(w); };
  auto edge = [&](int64_t q) { _mm512_store_si512(to + q * 32, pairs_of(pixel(first + 2 * q), pixel(first + 2 * q + 1))); };
  edge(0);
  for (int64_t q = 1; q < pairs - 1; q++) _mm512_store_si512(to + q * 32, pairs_of(load(first + 2 * q), load(first + 2 * q + 1)));
  if (pairs > 1) edge(pairs - 1);
}

// sums[input][16 outputs] += x * dy over all pairs, for I inputs and K blocks of outputs
template <int K, int I>
void gradient_tile(const uint16_t* x, int64_t x_run, const uint16_t* dy, int64_t dy_plane, int64_t dy_run, int64_t runs, int64_t pairs,
                   float* sums, int64_t block_stride) {
  __m512 sum[I][K];
#pragma GCC unroll 16
  for (int i = 0; i < I; i++)
#pragma GCC unroll 4
    for (int k = 0; k < K; k++) sum[i][k] = _mm512_loadu_ps(sums + k * block_stride + i * lanes);
  for (int64_t r = 0; r < runs; r++) {
    const uint16_t *a = x + r * x_run, *d = dy + r * dy_run;
#pragma GCC unroll 2
    for (int64_t q = 0; q < pairs; q++, a += 32, d += 32) {
      __m512i outputs[K];
#pragma GCC unroll 4
      for (int k = 0; k < K; k++) outputs[k] = _mm512_load_si512(d + k * dy_plane);
#pragma GCC unroll 16
      for (int i = 0; i < I; i++) {
        if (K == 1) {
          sum[i][0] = multiply_add(sum[i][0], outputs[0], a + 2 * i);
          continue;
        }
        const __m512i input = to_all(a + 2 * i);
#pragma GCC unroll 4
        for (int k = 0; k < K; k++) sum[i][k] = multiply_add(sum[i][k], input, outputs[k]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < I; i++)
#pragma GCC unroll 4
    for (int k = 0; k < K; k++) _mm512_storeu_ps(sums + k * block_stride + i * lanes, sum[i][k]);
}

int64_t gradient_scratch(const conv_shape& shape) {
  const auto s = flattened(shape);
  return strip(s).size(s) * sizeof(uint16_t);
}

// sums: [output block][tap][input][16 outputs]. A tap to the left or right pairs every pixel of x with a neighbour of
// dy's; dy is laid out once for each column of taps, x once for all.
void gradient(const conv_shape& shape, const uint16_t* x, const uint16_t* dy, float* sums, float* d_bias, void* scratch) {
  const auto s = flattened(shape);
  const strip p(s);
  const int64_t taps = s.side * s.side, border = s.side / 2, blocks = s.outputs / lanes, input_blocks = s.inputs / lanes;
  const int64_t x_run = p.input_run(s), x_plane = p.input_plane(s), dy_run = p.output_run(), dy_plane = p.output_plane();
  auto* inputs = static_cast<uint16_t*>(scratch);
  auto* outputs = inputs + input_blocks * x_plane;  // [column of taps][block]
  const __m512i ones = _mm512_set1_epi16(0x3f80);
  for (int64_t n = 0; n < s.images; n += p.images)
    for (int64_t h = 0; h < s.height; h += p.rows) {
      const int64_t images = std::min(p.images, s.images - n), rows = std::min(p.rows, s.height - h);
      for (int64_t m = 0; m < images; m++) {
        const uint16_t* image = x + (n + m) * s.height * s.width * s.inputs;
        for (int64_t b = 0; b < input_blocks; b++)
          for (int64_t r = 0; r < rows + s.side - 1; r++) {
            uint16_t* to = inputs + b * x_plane + m * x_run + r * p.pairs * 32;
            const int64_t from = h + r - border;
            if (from < 0 || from >= s.height) std::memset(to, 0, p.pairs * 64);
            else interleave_row(image + from * s.width * s.inputs + b * lanes, s.inputs, s.width, 0, p.pairs, to);
          }
        const uint16_t* gradient = dy + ((n + m) * s.height + h) * s.width * s.outputs;
        for (int64_t o = 0; o < blocks; o++) {
          for (int64_t j = 0; j < s.side; j++)
            for (int64_t r = 0; r < rows; r++)
              interleave_row(gradient + r * s.width * s.outputs + o * lanes, s.outputs, s.width, border - j, p.pairs,
                             outputs + (j * blocks + o) * dy_plane + m * dy_run + r * p.pairs * 32);
          if (!d_bias) continue;
          const uint16_t* middle = outputs + (border * blocks + o) * dy_plane + m * dy_run;
          __m512 total[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
          for (int64_t q = 0; q < rows * p.pairs; q++) total[q & 1] = multiply_add(total[q & 1], _mm512_load_si512(middle + q * 32), ones);
          _mm512_storeu_ps(d_bias + o * lanes, _mm512_loadu_ps(d_bias + o * lanes) + (total[0] + total[1]));
        }
      }
      const int64_t block_stride = taps * s.inputs * lanes, pairs = rows * p.pairs;
      for (int64_t o = 0, K; o < blocks; o += K) {
        K = group_of(blocks, o);
        for (int64_t j = 0; j < s.side; j++)
          for (int64_t b = 0; b < input_blocks; b++)
            for (int64_t i = 0; i < s.side; i++) {
              const uint16_t *from = inputs + b * x_plane + i * p.pairs * 32, *d = outputs + (j * blocks + o) * dy_plane;
              float* to = sums + ((o * taps + i * s.side + j) * s.inputs + b * lanes) * lanes;
              if (K == 1) gradient_tile<1, 16>(from, x_run, d, dy_plane, dy_run, images, pairs, to, block_stride);
              for (int64_t c = 0; c < lanes && K > 1; c += 8) {
                const auto tile = K == 2 ? gradient_tile<2, 8> : gradient_tile<3, 8>;
                tile(from + 2 * c, x_run, d, dy_plane, dy_run, images, pairs, to + c * lanes, block_stride);
              }
            }
      }
    }
}

void unpack(const conv_shape& s, const float* sums, float scale, float* d_weights) {
  const int64_t row = s.inputs * s.side * s.side;
  alignas(64) float square[lanes * lanes];
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t o = 0; o < s.outputs / lanes; o++)
    for (int64_t c = 0; c < row; c += lanes) {
      transpose(sums + (o * row + c) * lanes, lanes, square, lanes);
      for (int64_t k = 0; k < lanes; k++) _mm512_storeu_ps(d_weights + (o * lanes + k) * row + c, _mm512_load_ps(square + k * lanes) * factor);
    }
}

}  // namespace

const conv_kernels* conv_bf16() {
  static const conv_kernels table = {pack, pack_transposed, run_scratch, run, gradient_scratch, gradient, unpack};
  return &table;
}

}  // namespace smt
