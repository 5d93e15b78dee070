// Convolutions and the gradients of their inputs, and changes of resolution.
#include "convolution_bf16_lanes.h"

namespace smt {
namespace {

// 16 rows of 16 values as eight rows of pairs, each `apart` values from the next
inline void pack_block(const float* rows, int64_t row, __m512 factor, uint16_t* to, int64_t apart) {
#pragma GCC unroll 8
  for (int64_t j = 0; j < 8; j++)
    _mm512_storeu_si512(to + j * apart, pairs_of(_mm512_loadu_ps(rows + 2 * j * row) * factor, _mm512_loadu_ps(rows + (2 * j + 1) * row) * factor));
}

void sum_phases(const conv_shape& s, const float* weights, float* sums) {
  std::memset(sums, 0, s.packed() * sizeof(float));
  for (int64_t p = 0; p < 4; p++)
    for (int64_t o = 0; o < s.outputs; o++)
      for (int64_t t = 0; t < 9; t++) {
        const float* from = weights + (o * 9 + t) * s.inputs;
        float* to = sums + ((p * s.outputs + o) * 4 + tap_of_phase(p, t)) * s.inputs;
        for (int64_t c = 0; c < s.inputs; c++) to[c] += from[c];
      }
}

// Packed weights: [phase], for each group of K output blocks [input block][tap][pair of inputs][K][16 outputs][2].
void pack_phase(const conv_shape& s, const float* weights, float scale, uint16_t* packed) {
  const int64_t taps = s.taps(), blocks = s.outputs / lanes, row = s.inputs * taps;
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

void pack(const conv_shape& s, const float* weights, float scale, uint16_t* packed) {
  const int64_t size = s.packed() / s.phases();
  for (int64_t p = 0; p < s.phases(); p++) pack_phase(s, weights + p * size, scale, packed + p * size);
}

// Inputs and outputs change places, the phases are inputs like others, and each tap goes to the other side of the middle.
void pack_transposed(const conv_shape& s, const float* weights, float scale, uint16_t* packed) {
  const int64_t taps = s.taps(), blocks = s.inputs / lanes, row = s.inputs * taps, phase_blocks = s.phases() * s.outputs / lanes;
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t i = 0, K; i < blocks; packed += K * lanes * lanes * phase_blocks * taps, i += K) {
    K = group_of(blocks, i);
    for (int64_t k = 0; k < K; k++)
      for (int64_t b = 0; b < phase_blocks; b++)
        for (int64_t t = 0; t < taps; t++)
          pack_block(weights + b * lanes * row + (taps - 1 - t) * s.inputs + (i + k) * lanes, row, factor, packed + ((b * taps + t) * 8 * K + k) * 32, K * 32);
  }
}

// What `run_tiles` goes through: images of `phases` times `inputs` channels to one phase of results. Height and width are a phase's.
struct geometry {
  int64_t height, width, inputs, phases, outputs, side, taps;  // taps: along one side, of a phase
};

// Some rows of an image with a border of zeros, [phase][block][rows][columns][16], and room for what a last tile reads past its end.
struct padded {
  int64_t blocks, columns, border, strip, rows;  // strip: rows without the border; blocks: of a phase
  explicit padded(const geometry& g) : blocks(g.inputs / lanes), columns(g.width + g.side - 1), border(g.side / 2) {
    constexpr int64_t wanted = 24 << 10;  // bytes that leave room in the first cache for weights
    strip = wanted / (columns * g.inputs * g.phases * static_cast<int64_t>(sizeof(uint16_t))) / 4 * 4;
    strip = std::min(g.height, std::max<int64_t>(8, strip));
    rows = strip + g.side - 1;
  }
  int64_t pitch() const { return columns * lanes; }
  int64_t plane() const { return rows * pitch(); }
  int64_t size(const geometry& g) const { return g.phases * blocks * plane() + 4 * pitch() + 16 * lanes; }
  // where phase p's window of a pixel begins, of a convolution that goes back from four phases
  int64_t origin(const geometry& g, int64_t p) const { return g.phases == 1 ? 0 : (1 - p / 2) * pitch() + (1 - p % 2) * lanes; }

  // rows [first, first + count) and their neighbours; the columns of the border are zero already
  void fill(const geometry& g, const uint16_t* x, int64_t first, int64_t count, uint16_t* to) const {
    const int64_t apart = g.phases == 1 ? 1 : 2, pixel = apart * g.inputs, line = g.width * g.phases * g.inputs;
    for (int64_t p = 0; p < g.phases; p++)
      for (int64_t b = 0; b < blocks; b++)
        for (int64_t r = 0; r < count + g.side - 1; r++) {
          const int64_t h = first + r - border;
          uint16_t* row = to + (p * blocks + b) * plane() + r * pitch() + border * lanes;
          if (h < 0 || h >= g.height) {
            std::memset(row, 0, g.width * lanes * sizeof(uint16_t));
            continue;
          }
          const uint16_t* from = x + h * line + (p / 2) * g.width * pixel + (p % 2) * g.inputs + b * lanes;
          for (int64_t w = 0; w < g.width; w++) _mm256_storeu_si256((__m256i*)(row + w * lanes), _mm256_loadu_si256((const __m256i*)(from + w * pixel)));
        }
  }
};

struct output {
  const float* bias;
  const uint16_t* residual;
  float factor;
  uint16_t* y;
  int64_t row, pixel;  // from one to the next, in y and in the residual
};

// sums of R rows of P pixels to where they belong, less what lies beyond the image
template <int K, int P, int R>
inline __attribute__((always_inline)) void store_tile(const __m512 (&sum)[R * P][K], int64_t rows, int64_t columns, const output& out, int64_t first) {
  const __m512 factor = _mm512_set1_ps(out.factor);
#pragma GCC unroll 4
  for (int r = 0; r < R; r++)
#pragma GCC unroll 32
    for (int q = 0; q < P; q++) {
      if (r >= rows || q >= columns) continue;
      const int64_t at = first + r * out.row + q * out.pixel;
#pragma GCC unroll 4
      for (int k = 0; k < K; k++) {
        __m512 v = sum[r * P + q][k];
        if (out.residual) v = _mm512_fmadd_ps(widened(out.residual + at + k * lanes), factor, v);
        _mm256_storeu_si256((__m256i*)(out.y + at + k * lanes), (__m256i)_mm512_cvtneps_pbh(v));
      }
    }
}

// K blocks of output channels of `height` rows, in tiles of R rows by P pixels. The side of the taps is no template
// argument: a compiler that knows it unrolls further and then has too few registers.
template <int K, int P, int R>
void run_tiles(const geometry& g, const padded& p, int64_t height, const uint16_t* x, const uint16_t* packed, const output& out) {
  const int64_t pitch = p.pitch(), plane = p.plane(), blocks = p.blocks;
  for (int64_t h = 0; h < height; h += R)
    for (int64_t w = 0; w < g.width; w += P) {
      __m512 sum[R * P][K];
#pragma GCC unroll 4
      for (int k = 0; k < K; k++) {
        const __m512 start = out.bias ? _mm512_loadu_ps(out.bias + k * lanes) : _mm512_setzero_ps();
#pragma GCC unroll 32
        for (int q = 0; q < R * P; q++) sum[q][k] = start;
      }
      const uint16_t* weight = packed;
      for (int64_t phase = 0; phase < g.phases; phase++)
        for (int64_t b = 0; b < blocks; b++) {
          const uint16_t* row = x + p.origin(g, phase) + (phase * blocks + b) * plane + h * pitch + w * lanes;
          for (int64_t i = 0; i < g.taps; i++, row += pitch - g.taps * lanes)
#pragma GCC unroll 1
            for (int64_t j = 0; j < g.taps; j++, row += lanes)
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
      store_tile<K, P, R>(sum, std::min<int64_t>(R, height - h), std::min<int64_t>(P, g.width - w), out, h * out.row + w * out.pixel);
    }
}

// The same for one block of outputs and 3x3 taps, where a pair of inputs is loaded once for the three columns of taps that it
// meets: loads, not multiplications, are what one block would wait for.
template <int P>
void run_tiles_of_one(const geometry& g, const padded& p, int64_t height, const uint16_t* x, const uint16_t* packed, const output& out) {
  constexpr int64_t tap = 8 * 32;  // packed values
  for (int64_t h = 0; h < height; h++)
    for (int64_t w = 0; w < g.width; w += P) {
      __m512 sum[P][1];
#pragma GCC unroll 32
      for (int q = 0; q < P; q++) sum[q][0] = out.bias ? _mm512_loadu_ps(out.bias) : _mm512_setzero_ps();
      const uint16_t* weight = packed;
      for (int64_t b = 0; b < p.blocks; b++)
#pragma GCC unroll 1
        for (int64_t i = 0; i < g.taps; i++, weight += 3 * tap) {
          const uint16_t* row = x + b * p.plane() + (h + i) * p.pitch() + w * lanes;
#pragma GCC unroll 1
          for (int64_t c = 0; c < 8; c++) {
            const __m512i factors[3] = {_mm512_load_si512(weight + c * 32), _mm512_load_si512(weight + tap + c * 32), _mm512_load_si512(weight + 2 * tap + c * 32)};
#pragma GCC unroll 32
            for (int q = 0; q < P + 2; q++) {
              const __m512i pair = to_all(row + q * lanes + 2 * c);
#pragma GCC unroll 3
              for (int j = 0; j < 3; j++)
                if (q - j >= 0 && q - j < P) sum[q - j][0] = multiply_add(sum[q - j][0], pair, factors[j]);
            }
          }
        }
      store_tile<1, P, 1>(sum, 1, std::min<int64_t>(P, g.width - w), out, h * out.row + w * out.pixel);
    }
}

using tiles_function = void (*)(const geometry&, const padded&, int64_t, const uint16_t*, const uint16_t*, const output&);

tiles_function tiles_for(const geometry& g, int64_t K) {
  const int64_t width = g.width;
  if (K == 1 && g.taps == 3 && width > 8) return run_tiles_of_one<16>;
  if (K == 1) return width > 8 ? run_tiles<1, 16, 1> : width > 4 ? run_tiles<1, 8, 2> : run_tiles<1, 4, 4>;
  if (K == 2) return width > 4 ? run_tiles<2, 8, 1> : run_tiles<2, 4, 2>;
  return width > 4 ? run_tiles<3, 8, 1> : run_tiles<3, 4, 2>;
}

geometry forwards(const conv_shape& s) { return {s.height, s.width, s.inputs, 1, s.outputs, s.side, side_of_phase(s)}; }
geometry backwards(const conv_shape& s) { return {s.height, s.width, s.outputs, s.phases(), s.inputs, s.side, side_of_phase(s)}; }

int64_t run_scratch(const conv_shape& shape) {
  const auto s = flattened(shape);
  const auto there = forwards(s), back = backwards(s);
  return std::max(padded(there).size(there), padded(back).size(back)) * sizeof(uint16_t);
}

// From images to result_phases phases of results
void run_images(const geometry& g, int64_t images, int64_t result_phases, const uint16_t* x, const uint16_t* packed, const float* bias,
                const uint16_t* residual, float factor, uint16_t* y, uint16_t* scratch) {
  const padded p(g);
  std::memset(scratch, 0, p.size(g) * sizeof(uint16_t));
  const int64_t blocks = g.outputs / lanes, pixels = g.height * g.width, apart = result_phases == 1 ? 1 : 2, weights = g.inputs * g.phases * g.taps * g.taps;
  for (int64_t n = 0; n < images; n++)
    for (int64_t h = 0; h < g.height; h += p.strip) {
      const int64_t rows = std::min(p.strip, g.height - h);
      p.fill(g, x + n * pixels * g.phases * g.inputs, h, rows, scratch);
      for (int64_t phase = 0; phase < result_phases; phase++) {
        const int64_t a = phase / 2, b = phase % 2, line = apart * g.width * g.outputs;
        for (int64_t o = 0, K; o < blocks; o += K) {
          K = group_of(blocks, o);
          const int64_t at = n * pixels * result_phases * g.outputs + (h * apart + a) * line + b * g.outputs + o * lanes;
          const output out = {bias ? bias + o * lanes : nullptr, residual ? residual + at : nullptr, factor, y + at, apart * line, apart * g.outputs};
          tiles_for(g, K)(g, p, rows, scratch + a * p.pitch() + b * lanes, packed + (phase * g.outputs + o * lanes) * weights, out);
        }
      }
    }
}

void run(const conv_shape& shape, const uint16_t* x, const uint16_t* packed, const float* bias, const uint16_t* residual, float factor,
         uint16_t* y, void* scratch) {
  const auto s = flattened(shape);
  run_images(forwards(s), s.images, s.phases(), x, packed, bias, residual, factor, y, static_cast<uint16_t*>(scratch));
}

void run_transposed(const conv_shape& shape, const uint16_t* dy, const uint16_t* packed, uint16_t* dx, void* scratch) {
  const auto s = flattened(shape);
  run_images(backwards(s), s.images, 1, dy, packed, nullptr, nullptr, 0, dx, static_cast<uint16_t*>(scratch));
}

// ---- changes of resolution ----

void gather(int64_t height, int64_t width, int64_t channels, float factor, const uint16_t* x, uint16_t* y) {
  const __m512 scale = _mm512_set1_ps(factor);
  for (int64_t h = 0; h < height / 2; h++)
    for (int64_t w = 0; w < width / 2; w++)
      for (int64_t c = 0; c < channels; c += lanes, y += lanes) {
        const uint16_t *top = x + (2 * h * width + 2 * w) * channels + c, *bottom = top + width * channels;
        const __m512 sum = (widened(top) + widened(top + channels)) + (widened(bottom) + widened(bottom + channels));
        _mm256_storeu_si256((__m256i*)y, (__m256i)_mm512_cvtneps_pbh(sum * scale));
      }
}

void spread(int64_t height, int64_t width, int64_t channels, float factor, const uint16_t* x, uint16_t* y) {
  const __m512 scale = _mm512_set1_ps(factor);
  for (int64_t h = 0; h < height; h++)
    for (int64_t w = 0; w < width; w++)
      for (int64_t c = 0; c < channels; c += lanes, x += lanes) {
        const __m256i v = (__m256i)_mm512_cvtneps_pbh(widened(x) * scale);
        uint16_t *top = y + (4 * h * width + 2 * w) * channels + c, *bottom = top + 2 * width * channels;
        for (uint16_t* to : {top, top + channels, bottom, bottom + channels}) _mm256_storeu_si256((__m256i*)to, v);
      }
}

// ---- what lies between convolutions ----

// All counts are multiples of 16.
void multiply(int64_t values, float factor, const uint16_t* x, uint16_t* y) {
  const __m512 scale = _mm512_set1_ps(factor);
  for (int64_t k = 0; k < values; k += lanes) _mm256_storeu_si256((__m256i*)(y + k), (__m256i)_mm512_cvtneps_pbh(widened(x + k) * scale));
}

}  // namespace

const conv_kernels* conv_bf16() {
  static const conv_kernels table = {sum_phases, pack, pack_transposed, run_scratch, run, run_transposed, conv_gradient_scratch, conv_gradient, conv_unpack, gather, spread, multiply, conv_one};
  return &table;
}

}  // namespace smt
