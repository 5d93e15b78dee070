// smt_conv: a convolution with what a residual block does before and after it.
#include <cstring>

#include "convolution_bf16.h"
#include "instruction_sets.h"
#include "parallel.h"
#include "smtkernels.h"

namespace {

const smt::conv_kernels& kernels() { return *smt::conv_bf16(); }

// Images in as many parts as there are threads, each with its own piece of scratch: work(part, its shape, first image, scratch)
template <class Shape, class F>
void by_parts(const Shape& s, int64_t parts, int64_t scratch_bytes, F&& work) {
  const int64_t piece = (scratch_bytes + 63) / 64 * 64;
  smt::room<uint8_t> scratch(parts * piece);
  uint8_t* first_piece = scratch;
  smt::in_parts(parts, [&](int64_t k) {
    const int64_t first = s.images * k / parts;
    auto part = s;
    part.images = s.images * (k + 1) / parts - first;
    work(k, part, first, first_piece + k * piece);
  });
}

int64_t parts_of(const smt_conv& c) { return std::max<int64_t>(1, std::min<int64_t>(c.images, c.threads)); }

bool doubled(const smt_conv& c) { return c.change == SMT_DOUBLED && c.side > 1; }
bool doubled_afterwards(const smt_conv& c) { return c.change == SMT_DOUBLED && c.side == 1; }

// of what is convolved
smt::conv_shape shape_of(const smt_conv& c) {
  const int64_t shrink = c.change == SMT_HALVED ? 2 : 1;
  return {c.images, c.height / shrink, c.width / shrink, c.inputs, c.outputs, c.side, doubled(c)};
}

// y = factor * the sums of 2x2 pixels of x [..][height][width][channels]
void gathered(const smt_conv& c, int64_t height, int64_t width, int64_t channels, float factor, const uint16_t* x, uint16_t* y) {
  smt::over(c.images, c.threads, [&](int64_t from, int64_t to) {
    for (int64_t n = from; n < to; n++) kernels().gather(height, width, channels, factor, x + n * height * width * channels, y + n * (height / 2) * (width / 2) * channels);
  });
}

// y = factor * every pixel of x [..][height][width][channels], at the 2x2 pixels in its place
void spread(const smt_conv& c, int64_t height, int64_t width, int64_t channels, float factor, const uint16_t* x, uint16_t* y) {
  smt::over(c.images, c.threads, [&](int64_t from, int64_t to) {
    for (int64_t n = from; n < to; n++) kernels().spread(height, width, channels, factor, x + n * height * width * channels, y + n * 4 * height * width * channels);
  });
}

// weights packed in the order in which a kernel reads them: doubled convolutions take those of their phases
template <class Pack>
void packed(Pack pack, const smt::conv_shape& s, const float* weight, float scale, uint16_t* to) {
  if (!s.doubled) return pack(s, weight, scale, to);
  smt::room<float> sums(s.packed());
  kernels().sum_phases(s, weight, sums);
  pack(s, sums, scale, to);
}

}  // namespace

// Resampling is done before the convolution, but for a convolution of single pixels that doubles: that is doubled afterwards,
// which gives the same numbers for a quarter of the work.
SMT_API void smt_conv_forward(const smt_conv* conv, const uint16_t* x, const float* weight, const float* bias, const uint16_t* residual, uint16_t* y, uint16_t* halved) {
  const auto& c = *conv;
  const auto s = shape_of(c);
  if (c.change == SMT_HALVED) {
    gathered(c, c.height, c.width, c.inputs, 0.25f, x, halved);
    x = halved;
  }
  smt::room<float> scaled(c.outputs);
  if (bias && c.scale != 1) {
    for (int64_t k = 0; k < c.outputs; k++) scaled[k] = bias[k] * c.scale;
    bias = scaled;
  }
  smt::room<uint16_t> weights(s.packed()), small(doubled_afterwards(c) ? s.images * s.output() : 0);
  packed(kernels().pack, s, weight, c.scale, weights);
  uint16_t *to = doubled_afterwards(c) ? small : y, *w = weights;
  by_parts(s, parts_of(c), kernels().run_scratch(s), [&](int64_t, const smt::conv_shape& part, int64_t first, void* scratch) {
    kernels().run(part, x + first * s.input(), w, bias, residual ? residual + first * s.output() : nullptr, c.factor, to + first * s.output(), scratch);
  });
  if (doubled_afterwards(c)) spread(c, s.height, s.width, s.outputs, 1, small, y);
}

SMT_API void smt_conv_backward(const smt_conv* conv, const uint16_t* x, const float* weight, const uint16_t* dy, uint16_t* dx, float* d_weight, float* d_bias) {
  const auto& c = *conv;
  const auto s = shape_of(c);
  smt::room<uint16_t> small(doubled_afterwards(c) ? s.images * s.output() : 0);
  if (doubled_afterwards(c)) {
    gathered(c, 2 * c.height, 2 * c.width, c.outputs, 1, dy, small);
    dy = small;
  }
  if (dx) {
    smt::room<uint16_t> weights(s.packed()), halved(c.change == SMT_HALVED ? s.images * s.input() : 0);
    packed(kernels().pack_transposed, s, weight, c.scale, weights);
    uint16_t *to = c.change == SMT_HALVED ? halved : dx, *w = weights;
    by_parts(s, parts_of(c), kernels().run_scratch(s), [&](int64_t, const smt::conv_shape& part, int64_t first, void* scratch) {
      kernels().run_transposed(part, dy + first * s.output(), w, to + first * s.input(), scratch);
    });
    if (c.change == SMT_HALVED) spread(c, s.height, s.width, s.inputs, 0.25f, halved, dx);
  }
  if (!d_weight) return;
  const int64_t parts = parts_of(c), size = s.packed();
  smt::room<float> sums(parts * size), biases(parts * s.outputs);
  std::memset(sums, 0, parts * size * sizeof(float));
  std::memset(biases, 0, parts * s.outputs * sizeof(float));
  by_parts(s, parts, kernels().gradient_scratch(s), [&](int64_t k, const smt::conv_shape& part, int64_t first, void* scratch) {
    kernels().gradient(part, x + first * s.input(), dy + first * s.output(), sums + k * size, d_bias ? biases + k * s.outputs : nullptr, scratch);
  });
  // always in the same order: a number of threads always gives the same bits
  for (int64_t k = 1; k < parts; k++) {
    for (int64_t j = 0; j < size; j++) sums[j] += sums[k * size + j];
    for (int64_t j = 0; j < s.outputs; j++) biases[j] += biases[k * s.outputs + j];
  }
  kernels().unpack(s, sums, c.scale, d_weight);
  for (int64_t j = 0; d_bias && j < s.outputs; j++) d_bias[j] = c.scale == 1 ? biases[j] : biases[j] * c.scale;
}

namespace {

constexpr int64_t taps = 9;

smt::conv_one_shape one_shape_of(const smt_conv& c) { return {c.images, c.height, c.width, std::max(c.inputs, c.outputs)}; }

// weights [O,3,3,C] as [9][channels], times scale; turned: from the last tap to the first
void taps_of(const smt_conv& c, const float* weight, bool turned, float* to) {
  const int64_t channels = std::max(c.inputs, c.outputs), tap_step = c.inputs == 1 ? 1 : channels, channel_step = c.inputs == 1 ? taps : 1;
  for (int64_t t = 0; t < taps; t++)
    for (int64_t k = 0; k < channels; k++) to[t * channels + k] = weight[(turned ? taps - 1 - t : t) * tap_step + k * channel_step] * c.scale;
}

void run_one(const smt_conv& c, bool to_many, const uint16_t* x, const float* weights, const float* bias, uint16_t* y) {
  const auto s = one_shape_of(c);
  const int64_t pixels = s.height * s.width, from = to_many ? pixels : pixels * s.channels, to = to_many ? pixels * s.channels : pixels;
  by_parts(s, parts_of(c), kernels().one.scratch(s), [&](int64_t, const smt::conv_one_shape& part, int64_t first, void* scratch) {
    if (to_many) kernels().one.to_many(part, x + first * from, weights, bias, y + first * to, scratch);
    else kernels().one.to_one(part, x + first * from, weights, bias ? *bias : 0, y + first * to, scratch);
  });
}

}  // namespace

SMT_API void smt_conv_one_forward(const smt_conv* conv, const uint16_t* x, const float* weight, const float* bias, uint16_t* y) {
  const auto& c = *conv;
  const int64_t channels = one_shape_of(c).channels;
  smt::room<float> weights(taps * channels), scaled(c.outputs);
  taps_of(c, weight, false, weights);
  for (int64_t k = 0; bias && k < c.outputs; k++) scaled[k] = bias[k] * c.scale;
  run_one(c, c.inputs == 1, x, weights, bias ? static_cast<float*>(scaled) : nullptr, y);
}

SMT_API void smt_conv_one_backward(const smt_conv* conv, const uint16_t* x, const float* weight, const uint16_t* dy, uint16_t* dx, float* d_weight, float* d_bias) {
  const auto& c = *conv;
  const auto s = one_shape_of(c);
  const bool to_many = c.inputs == 1;
  if (dx) {
    smt::room<float> weights(taps * s.channels);
    taps_of(c, weight, true, weights);
    run_one(c, !to_many, dy, weights, nullptr, dx);
  }
  if (!d_weight) return;
  const int64_t parts = parts_of(c), pixels = s.height * s.width, size = (taps + 1) * s.channels;
  smt::room<float> sums(parts * size);
  std::memset(sums, 0, parts * size * sizeof(float));
  const uint16_t *one = to_many ? x : dy, *many = to_many ? dy : x;
  by_parts(s, parts, kernels().one.scratch(s), [&](int64_t k, const smt::conv_one_shape& part, int64_t first, void* scratch) {
    kernels().one.gradient(part, one + first * pixels, many + first * pixels * s.channels, sums + k * size, sums + k * size + taps * s.channels, scratch);
  });
  for (int64_t k = 1; k < parts; k++)
    for (int64_t j = 0; j < size; j++) sums[j] += sums[k * size + j];
  // of many channels to one, every pixel of x met the pixels of dy around it, so the taps are turned
  for (int64_t t = 0; t < taps; t++)
    for (int64_t k = 0; k < s.channels; k++) {
      if (to_many) d_weight[k * taps + t] = sums[t * s.channels + k] * c.scale;
      else d_weight[t * s.channels + k] = sums[(taps - 1 - t) * s.channels + k] * c.scale;
    }
  if (!d_bias) return;
  if (to_many) {
    for (int64_t k = 0; k < s.channels; k++) d_bias[k] = sums[taps * s.channels + k] * c.scale;
    return;
  }
  double total = 0;
  for (int64_t k = 0; k < s.images * pixels; k++) {
    const uint32_t bits = static_cast<uint32_t>(dy[k]) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    total += value;
  }
  *d_bias = static_cast<float>(total) * c.scale;
}

SMT_API void smt_multiply(int64_t values, float factor, const uint16_t* x, uint16_t* y) { kernels().multiply(values, factor, x, y); }
