// Gradients of the weights of convolutions.
#include "convolution_bf16_lanes.h"

namespace smt {
namespace {

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

}  // namespace

int64_t conv_gradient_scratch(const conv_shape& shape) {
  const auto s = flattened(shape);
  return strip(s).size(s) * sizeof(uint16_t);
}

// sums: [phase][output block][tap][input][16 outputs]. A tap to the left or right pairs every pixel of x with a neighbour of
// dy's; dy is laid out once for each column of taps, x once for all. Column j of phase p is shifted by border - j - p % 2.
void conv_gradient(const conv_shape& shape, const uint16_t* x, const uint16_t* dy, float* sums, float* d_bias, void* scratch) {
  const auto s = flattened(shape);
  const strip p(s);
  const int64_t side = side_of_phase(s), taps = s.taps(), border = s.side / 2, blocks = s.outputs / lanes, input_blocks = s.inputs / lanes;
  const int64_t x_run = p.input_run(s), x_plane = p.input_plane(s), dy_run = p.output_run(), dy_plane = p.output_plane();
  const int64_t apart = s.doubled ? 2 : 1, pixel = apart * s.outputs, line = s.width * pixel;
  auto* inputs = static_cast<uint16_t*>(scratch);
  auto* outputs = inputs + input_blocks * x_plane;  // [column of taps][block]
  const __m512i ones = _mm512_set1_epi16(0x3f80);
  for (int64_t n = 0; n < s.images; n += p.images)
    for (int64_t h = 0; h < s.height; h += p.rows) {
      const int64_t images = std::min(p.images, s.images - n), rows = std::min(p.rows, s.height - h), pairs = rows * p.pairs;
      for (int64_t m = 0; m < images; m++)
        for (int64_t b = 0; b < input_blocks; b++)
          for (int64_t r = 0; r < rows + s.side - 1; r++) {
            uint16_t* to = inputs + b * x_plane + m * x_run + r * p.pairs * 32;
            const int64_t from = h + r - border;
            if (from < 0 || from >= s.height) std::memset(to, 0, p.pairs * 64);
            else interleave_row(x + (n + m) * s.input() + from * s.width * s.inputs + b * lanes, s.inputs, s.width, 0, p.pairs, to);
          }
      for (int64_t phase = 0; phase < s.phases(); phase++) {
        const int64_t a = phase / 2, shift = border - phase % 2;
        for (int64_t m = 0; m < images; m++) {
          const uint16_t* from = dy + (n + m) * s.output() + (h * apart + a) * line + (phase % 2) * s.outputs;
          for (int64_t o = 0; o < blocks; o++) {
            for (int64_t j = 0; j < side; j++)
              for (int64_t r = 0; r < rows; r++)
                interleave_row(from + r * apart * line + o * lanes, pixel, s.width, shift - j, p.pairs,
                               outputs + (j * blocks + o) * dy_plane + m * dy_run + r * p.pairs * 32);
            if (!d_bias) continue;
            const uint16_t* middle = outputs + (shift * blocks + o) * dy_plane + m * dy_run;  // the column that is not shifted
            __m512 total[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
            for (int64_t q = 0; q < pairs; q++) total[q & 1] = multiply_add(total[q & 1], _mm512_load_si512(middle + q * 32), ones);
            _mm512_storeu_ps(d_bias + o * lanes, _mm512_loadu_ps(d_bias + o * lanes) + (total[0] + total[1]));
          }
        }
        const int64_t block_stride = taps * s.inputs * lanes, column_stride = s.inputs * lanes;
        auto sums_of = [&](int64_t o, int64_t i, int64_t j, int64_t b) { return sums + (((phase * blocks + o) * taps + i * side + j) * s.inputs + b * lanes) * lanes; };
        if (blocks == 1 && side > 1) {
          // with one block of outputs the columns of taps are what a pixel of x is multiplied with at a time
          const auto tile = side == 2 ? gradient_tile<2, 8> : gradient_tile<3, 8>;
          for (int64_t b = 0; b < input_blocks; b++)
            for (int64_t i = 0; i < side; i++)
              for (int64_t c = 0; c < lanes; c += 8)
                tile(inputs + b * x_plane + (a + i) * p.pairs * 32 + 2 * c, x_run, outputs, dy_plane, dy_run, images, pairs, sums_of(0, i, 0, b) + c * lanes, column_stride);
          continue;
        }
        for (int64_t o = 0, K; o < blocks; o += K) {
          K = group_of(blocks, o);
          for (int64_t j = 0; j < side; j++)
            for (int64_t b = 0; b < input_blocks; b++)
              for (int64_t i = 0; i < side; i++) {
                const uint16_t *from = inputs + b * x_plane + (a + i) * p.pairs * 32, *d = outputs + (j * blocks + o) * dy_plane;
                float* to = sums_of(o, i, j, b);
                if (K == 1) gradient_tile<1, 16>(from, x_run, d, dy_plane, dy_run, images, pairs, to, block_stride);
                for (int64_t c = 0; c < lanes && K > 1; c += 8) {
                  const auto tile = K == 2 ? gradient_tile<2, 8> : gradient_tile<3, 8>;
                  tile(from + 2 * c, x_run, d, dy_plane, dy_run, images, pairs, to + c * lanes, block_stride);
                }
              }
        }
      }
    }
}

void conv_unpack(const conv_shape& s, const float* sums, float scale, float* d_weights) {
  const int64_t taps = s.side * s.side, row = s.inputs * taps;
  alignas(64) float square[lanes * lanes];
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t o = 0; o < s.outputs / lanes; o++)
    for (int64_t t = 0; t < taps; t++)
      for (int64_t c = 0; c < s.inputs; c += lanes) {
        const float* from = sums + ((o * taps + t) * s.inputs + c) * lanes;
        alignas(64) float added[lanes * lanes];
        if (s.doubled) {
          // a weight belongs to one sum of each phase
          for (int64_t p = 0; p < 4; p++) {
            const float* part = sums + (((p * s.outputs / lanes + o) * 4 + tap_of_phase(p, t)) * s.inputs + c) * lanes;
            for (int64_t k = 0; k < lanes * lanes; k += lanes)
              _mm512_store_ps(added + k, p == 0 ? _mm512_loadu_ps(part + k) : _mm512_load_ps(added + k) + _mm512_loadu_ps(part + k));
          }
          from = added;
        }
        transpose(from, lanes, square, lanes);
        for (int64_t k = 0; k < lanes; k++) _mm512_storeu_ps(d_weights + (o * lanes + k) * row + t * s.inputs + c, _mm512_load_ps(square + k * lanes) * factor);
      }
}

}  // namespace smt
