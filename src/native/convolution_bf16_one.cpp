// 3x3 convolutions between one channel and many: the first and the last layer of a network of grey images.
#include "convolution_bf16_lanes.h"

namespace smt {
namespace {

constexpr int64_t taps = 9;

// One channel in float32 with a border of zeros, and what a last group of pixels reads past its end
struct plane {
  int64_t height, width;
  int64_t pitch() const { return width + 2; }
  int64_t size() const { return (height + 2) * pitch() + lanes; }

  void fill(const uint16_t* x, float* to) const {
    for (int64_t h = 0; h < height; h++) {
      float* row = to + (h + 1) * pitch() + 1;
      int64_t w = 0;
      for (; w + lanes <= width; w += lanes) _mm512_storeu_ps(row + w, widened(x + h * width + w));
      for (; w < width; w++) {
        const uint32_t bits = static_cast<uint32_t>(x[h * width + w]) << 16;
        std::memcpy(row + w, &bits, sizeof bits);
      }
    }
  }
};

// P pixels of a row at a time
template <int P>
void widen_row(const float* x, int64_t pitch, int64_t width, int64_t channels, const __m512 (&weight)[taps], __m512 bias, uint16_t* y) {
  int64_t w = 0;
  for (; w + P <= width; w += P) {
    __m512 sum[P];
#pragma GCC unroll 8
    for (int q = 0; q < P; q++) sum[q] = bias;
#pragma GCC unroll 9
    for (int t = 0; t < taps; t++)
#pragma GCC unroll 8
      for (int q = 0; q < P; q++) sum[q] = _mm512_fmadd_ps(_mm512_set1_ps(x[(t / 3) * pitch + t % 3 + w + q]), weight[t], sum[q]);
#pragma GCC unroll 8
    for (int q = 0; q < P; q++) _mm256_storeu_si256((__m256i*)(y + (w + q) * channels), (__m256i)_mm512_cvtneps_pbh(sum[q]));
  }
  if (P > 1 && w < width) widen_row<1>(x + w, pitch, width - w, channels, weight, bias, y + w * channels);
}

int64_t scratch_bytes(const conv_one_shape& s) {
  const int64_t padded = (s.width + lanes - 1) / lanes * lanes + lanes;
  return std::max(plane{s.height, s.width}.size(), taps * (s.height + 2) * padded + s.channels / lanes * 8 * lanes) * static_cast<int64_t>(sizeof(float));
}

void to_many(const conv_one_shape& s, const uint16_t* x, const float* weights, const float* bias, uint16_t* y, void* scratch) {
  const plane p{s.height, s.width};
  auto* image = static_cast<float*>(scratch);
  std::memset(image, 0, p.size() * sizeof(float));
  for (int64_t n = 0; n < s.images; n++, x += s.height * s.width, y += s.height * s.width * s.channels) {
    p.fill(x, image);
    for (int64_t c = 0; c < s.channels; c += lanes) {
      __m512 weight[taps];
#pragma GCC unroll 9
      for (int t = 0; t < taps; t++) weight[t] = _mm512_loadu_ps(weights + t * s.channels + c);
      const __m512 start = bias ? _mm512_loadu_ps(bias + c) : _mm512_setzero_ps();
      for (int64_t h = 0; h < s.height; h++)
        widen_row<8>(image + h * p.pitch(), p.pitch(), s.width, s.channels, weight, start, y + h * s.width * s.channels + c);
    }
  }
}

// Each pixel's products with all taps are 16 lanes of one sum; turned to rows of one tap, these are added where they belong.
void to_one(const conv_one_shape& s, const uint16_t* x, const float* weights, float bias, uint16_t* y, void* scratch) {
  const int64_t pitch = (s.width + lanes - 1) / lanes * lanes + lanes, rows = s.height + 2, blocks = s.channels / lanes;
  auto* packed = static_cast<uint16_t*>(scratch);  // [pair of channels][16 taps][2]
  auto* products = reinterpret_cast<float*>(packed + blocks * 8 * lanes * 2);
  for (int64_t pair = 0; pair < blocks * 8; pair++) {
    alignas(64) float even[lanes] = {}, odd[lanes] = {};
    for (int64_t t = 0; t < taps; t++) {
      even[t] = weights[t * s.channels + 2 * pair];
      odd[t] = weights[t * s.channels + 2 * pair + 1];
    }
    _mm512_store_si512(packed + pair * 32, pairs_of(_mm512_load_ps(even), _mm512_load_ps(odd)));
  }
  std::memset(products, 0, taps * rows * pitch * sizeof(float));
  alignas(64) float square[lanes * lanes], turned[lanes * lanes];
  for (int64_t n = 0; n < s.images; n++, x += s.height * s.width * s.channels, y += s.height * s.width) {
    for (int64_t h = 0; h < s.height; h++)
      for (int64_t w = 0; w < s.width; w += lanes) {
        const int64_t count = std::min(lanes, s.width - w);
        const uint16_t* from = x + (h * s.width + w) * s.channels;
        for (int64_t q = 0; q < lanes; q += 8) {
          __m512 sum[8];
#pragma GCC unroll 8
          for (int k = 0; k < 8; k++) sum[k] = _mm512_setzero_ps();
          if (q + 8 <= count) {
            for (int64_t pair = 0; pair < blocks * 8; pair++) {
              const __m512i factors = _mm512_load_si512(packed + pair * 32);
#pragma GCC unroll 8
              for (int k = 0; k < 8; k++) sum[k] = multiply_add(sum[k], factors, from + (q + k) * s.channels + 2 * pair);
            }
          } else {
            for (int64_t k = 0; q + k < count; k++) {
              __m512 one = _mm512_setzero_ps();
              for (int64_t pair = 0; pair < blocks * 8; pair++) one = multiply_add(one, _mm512_load_si512(packed + pair * 32), from + (q + k) * s.channels + 2 * pair);
              _mm512_store_ps(square + (q + k) * lanes, one);
            }
            for (int64_t k = std::max<int64_t>(count - q, 0); k < 8; k++) _mm512_store_ps(square + (q + k) * lanes, _mm512_setzero_ps());
            continue;
          }
#pragma GCC unroll 8
          for (int k = 0; k < 8; k++) _mm512_store_ps(square + (q + k) * lanes, sum[k]);
        }
        transpose(square, lanes, turned, lanes);
#pragma GCC unroll 9
        for (int t = 0; t < taps; t++) _mm512_storeu_ps(products + (t * rows + h + 1) * pitch + 1 + w, _mm512_load_ps(turned + t * lanes));
      }
    for (int64_t h = 0; h < s.height; h++)
      for (int64_t w = 0; w < s.width; w += lanes) {
        __m512 sum[2] = {_mm512_set1_ps(bias), _mm512_setzero_ps()};
#pragma GCC unroll 9
        for (int t = 0; t < taps; t++) sum[t & 1] += _mm512_loadu_ps(products + (t * rows + h + t / 3) * pitch + w + t % 3);
        const __m256i bits = (__m256i)_mm512_cvtneps_pbh(sum[0] + sum[1]);
        uint16_t* to = y + h * s.width + w;
        if (w + lanes <= s.width) {
          _mm256_storeu_si256((__m256i*)to, bits);
        } else {
          alignas(32) uint16_t last[lanes];
          _mm256_store_si256((__m256i*)last, bits);
          std::memcpy(to, last, (s.width - w) * sizeof(uint16_t));
        }
      }
  }
}

void gradient(const conv_one_shape& s, const uint16_t* one, const uint16_t* many, float* sums, float* total, void* scratch) {
  const plane p{s.height, s.width};
  auto* image = static_cast<float*>(scratch);
  std::memset(image, 0, p.size() * sizeof(float));
  for (int64_t n = 0; n < s.images; n++, one += s.height * s.width, many += s.height * s.width * s.channels) {
    p.fill(one, image);
    for (int64_t c = 0; c < s.channels; c += lanes) {
      __m512 sum[taps], all = _mm512_setzero_ps();
#pragma GCC unroll 9
      for (int t = 0; t < taps; t++) sum[t] = _mm512_setzero_ps();
      for (int64_t h = 0; h < s.height; h++)
        for (int64_t w = 0; w < s.width; w++) {
          const float* at = image + h * p.pitch() + w;
          const __m512 v = widened(many + (h * s.width + w) * s.channels + c);
          all += v;
#pragma GCC unroll 9
          for (int t = 0; t < taps; t++) sum[t] = _mm512_fmadd_ps(_mm512_set1_ps(at[(t / 3) * p.pitch() + t % 3]), v, sum[t]);
        }
#pragma GCC unroll 9
      for (int t = 0; t < taps; t++) _mm512_storeu_ps(sums + t * s.channels + c, _mm512_loadu_ps(sums + t * s.channels + c) + sum[t]);
      _mm512_storeu_ps(total + c, _mm512_loadu_ps(total + c) + all);
    }
  }
}

}  // namespace

const conv_one_kernels conv_one = {scratch_bytes, to_many, to_one, gradient};

}  // namespace smt
