// smtweb::conv2d_residual: a convolution with what a residual block does before and after it.
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/torch.h>

#include "convolution_bf16.h"
#include "instruction_sets.h"

namespace {

const smt::conv_kernels* kernels() {
#if defined(__x86_64__)
  // with AMX libtorch's own convolutions are faster
  static const smt::conv_kernels* const best = smt::has_avx512_bf16() && !smt::has_amx_bf16() ? smt::conv_bf16() : nullptr;
  return best;
#else
  return nullptr;
#endif
}

constexpr int64_t block = 16;  // channels that the kernels take at a time

uint16_t* bits(const at::Tensor& t) { return static_cast<uint16_t*>(t.data_ptr()); }
float* floats(const at::Tensor& t) { return t.defined() ? t.data_ptr<float>() : nullptr; }

// as the enum Resample of SmtWeb.Torch
enum resample : int64_t { none, up, down };

smt::conv_shape shape_of(const at::Tensor& x, const at::Tensor& weight, bool doubled) {
  return {x.size(0), x.size(2), x.size(3), weight.size(1), weight.size(0), weight.size(2), doubled};
}

// What all kernels take: bfloat16 images on the CPU, float32 weights [O,C,side,side] and bias
bool fits(const at::Tensor& x, const at::Tensor& weight, const c10::optional<at::Tensor>& bias) {
  return kernels() && x.device().is_cpu() && x.scalar_type() == at::kBFloat16 && x.dim() == 4 && x.numel() > 0 && weight.device().is_cpu() &&
         weight.scalar_type() == at::kFloat && weight.dim() == 4 && weight.size(0) > 0 && weight.size(1) == x.size(1) && weight.size(2) == weight.size(3) &&
         (!bias || (bias->scalar_type() == at::kFloat && bias->dim() == 1 && bias->size(0) == weight.size(0)));
}

bool is_ours(const at::Tensor& x, const at::Tensor& weight, const c10::optional<at::Tensor>& bias, const c10::optional<at::Tensor>& residual, int64_t change) {
  if (!fits(x, weight, bias) || weight.size(0) % block != 0 || weight.size(1) % block != 0 || (weight.size(2) != 1 && weight.size(2) != 3)) return false;
  if (change == down && (x.size(2) % 2 != 0 || x.size(3) % 2 != 0)) return false;
  // no block adds to a doubled result
  return !residual || (change != up && residual->scalar_type() == at::kBFloat16 && residual->dim() == 4 && residual->size(0) == x.size(0) &&
                       residual->size(1) == weight.size(0) && residual->size(2) == x.size(2) >> (change == down) && residual->size(3) == x.size(3) >> (change == down));
}

// Between one channel and many: what a network of grey images begins and ends with.
bool is_one(const at::Tensor& x, const at::Tensor& weight, const c10::optional<at::Tensor>& bias, const c10::optional<at::Tensor>& residual, int64_t change) {
  if (!fits(x, weight, bias) || weight.size(2) != 3 || residual || change != none) return false;
  const int64_t C = weight.size(1), O = weight.size(0);
  return (C == 1 && O % block == 0) || (O == 1 && C % block == 0);
}

// Images in as many parts as there are threads, each with its own piece of scratch: work(part, its shape, first image, scratch)
template <class Shape, class F>
void by_parts(const Shape& s, int64_t parts, int64_t scratch_bytes, F&& work) {
  const int64_t piece = (scratch_bytes + 63) / 64 * 64;
  auto scratch = at::empty({parts * piece}, at::kByte);
  at::parallel_for(0, parts, 1, [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; k++) {
      const int64_t first = s.images * k / parts;
      auto part = s;
      part.images = s.images * (k + 1) / parts - first;
      work(k, part, first, static_cast<uint8_t*>(scratch.data_ptr()) + k * piece);
    }
  });
}

template <class Shape>
int64_t parts_of(const Shape& s) { return std::min<int64_t>(s.images, at::get_num_threads()); }

at::Tensor image_like(const at::Tensor& x, int64_t channels, int64_t height, int64_t width) {
  return at::empty({x.size(0), channels, height, width}, x.options().memory_format(at::MemoryFormat::ChannelsLast));
}

// factor * the sums of 2x2 pixels
at::Tensor gathered(const at::Tensor& x, float factor) {
  const int64_t C = x.size(1), H = x.size(2), W = x.size(3);
  auto y = image_like(x, C, H / 2, W / 2);
  at::parallel_for(0, x.size(0), 1, [&](int64_t from, int64_t to) {
    for (int64_t n = from; n < to; n++) kernels()->gather(H, W, C, factor, bits(x) + n * H * W * C, bits(y) + n * (H / 2) * (W / 2) * C);
  });
  return y;
}

at::Tensor multiplied(const at::Tensor& x, float factor) {
  auto y = at::empty_like(x);
  kernels()->multiply(x.numel(), factor, bits(x), bits(y));
  return y;
}

// factor * every pixel, at the 2x2 pixels in its place
at::Tensor spread(const at::Tensor& x, float factor) {
  const int64_t C = x.size(1), H = x.size(2), W = x.size(3);
  auto y = image_like(x, C, 2 * H, 2 * W);
  at::parallel_for(0, x.size(0), 1, [&](int64_t from, int64_t to) {
    for (int64_t n = from; n < to; n++) kernels()->spread(H, W, C, factor, bits(x) + n * H * W * C, bits(y) + n * 4 * H * W * C);
  });
  return y;
}

// in which order the kernels take the weights: doubled convolutions take those of their phases
at::Tensor kernel_weights(const smt::conv_shape& s, const at::Tensor& w) {
  if (!s.doubled) return w;
  auto sums = at::empty({s.packed()}, w.options().memory_format(c10::nullopt));
  kernels()->sum_phases(s, floats(w), floats(sums));
  return sums;
}

// Resampling is done before the convolution, but for a convolution of single pixels that doubles: that is doubled afterwards,
// which gives the same numbers for a quarter of the work.
struct ConvResidual : torch::autograd::Function<ConvResidual> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight, const c10::optional<at::Tensor>& bias,
                            const c10::optional<at::Tensor>& residual, double scale, double factor, int64_t change) {
    auto x = input.contiguous(at::MemoryFormat::ChannelsLast);
    if (change == down) x = gathered(x, 0.25f);
    auto w = weight.contiguous(at::MemoryFormat::ChannelsLast);  // as FlatParameters keeps them
    auto b = !bias ? at::Tensor() : scale == 1 ? bias->contiguous() : *bias * scale;
    auto r = residual ? residual->contiguous(at::MemoryFormat::ChannelsLast) : at::Tensor();
    const auto s = shape_of(x, w, change == up && w.size(2) > 1);
    auto packed = at::empty({s.packed()}, x.options().memory_format(c10::nullopt));
    kernels()->pack(s, floats(kernel_weights(s, w)), static_cast<float>(scale), bits(packed));
    auto y = s.doubled ? image_like(x, s.outputs, 2 * s.height, 2 * s.width) : image_like(x, s.outputs, s.height, s.width);
    by_parts(s, parts_of(s), kernels()->run_scratch(s), [&](int64_t, const smt::conv_shape& part, int64_t first, void* scratch) {
      kernels()->run(part, bits(x) + first * s.input(), bits(packed), floats(b), r.defined() ? bits(r) + first * s.output() : nullptr,
                     static_cast<float>(factor), bits(y) + first * s.output(), scratch);
    });
    context->save_for_backward({x, w});
    context->saved_data["scale"] = scale;
    context->saved_data["factor"] = factor;
    context->saved_data["change"] = change;
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["residual"] = residual.has_value();
    return change == up && !s.doubled ? spread(y, 1) : y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &w = saved[1];
    const auto change = context->saved_data["change"].toInt();
    const auto s = shape_of(x, w, change == up && w.size(2) > 1);
    const auto scale = static_cast<float>(context->saved_data["scale"].toDouble());
    const auto factor = context->saved_data["factor"].toDouble();
    const bool has_bias = context->saved_data["bias"].toBool(), has_residual = context->saved_data["residual"].toBool();
    auto dy = gradients[0].to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
    if (change == up && !s.doubled) dy = gathered(dy, 1);
    at::Tensor dx, dw, db, dr;
    if (context->needs_input_grad(0)) {
      auto packed = at::empty({s.packed()}, x.options().memory_format(c10::nullopt));
      kernels()->pack_transposed(s, floats(kernel_weights(s, w)), scale, bits(packed));
      dx = image_like(x, s.inputs, s.height, s.width);
      by_parts(s, parts_of(s), kernels()->run_scratch(s), [&](int64_t, const smt::conv_shape& part, int64_t first, void* scratch) {
        kernels()->run_transposed(part, bits(dy) + first * s.output(), bits(packed), bits(dx) + first * s.input(), scratch);
      });
      if (change == down) dx = spread(dx, 0.25f);
    }
    // inputs are counted without those that are absent
    if (context->needs_input_grad(1) || (has_bias && context->needs_input_grad(2))) {
      const int64_t parts = parts_of(s), size = s.packed();
      auto sums = at::zeros({parts, size}, w.options()), d_bias = at::zeros({parts, s.outputs}, w.options());
      by_parts(s, parts, kernels()->gradient_scratch(s), [&](int64_t k, const smt::conv_shape& part, int64_t first, void* scratch) {
        kernels()->gradient(part, bits(x) + first * s.input(), bits(dy) + first * s.output(), floats(sums) + k * size,
                            has_bias ? floats(d_bias) + k * s.outputs : nullptr, scratch);
      });
      // always in the same order: a number of threads always gives the same bits
      for (int64_t k = 1; k < parts; k++) {
        sums[0].add_(sums[k]);
        d_bias[0].add_(d_bias[k]);
      }
      dw = at::empty(w.sizes(), w.options().memory_format(at::MemoryFormat::ChannelsLast));
      kernels()->unpack(s, floats(sums), scale, floats(dw));
      if (has_bias) db = scale == 1 ? d_bias[0] : d_bias[0] * scale;
    }
    if (has_residual && context->needs_input_grad(has_bias ? 3 : 2)) dr = factor == 1 ? dy : multiplied(dy, static_cast<float>(factor));
    return {dx, dw, db, dr, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

struct ConvOne : torch::autograd::Function<ConvOne> {
  static smt::conv_one_shape shape_of(const at::Tensor& x, const at::Tensor& weight) {
    return {x.size(0), x.size(2), x.size(3), std::max(weight.size(0), weight.size(1))};
  }

  // weights [O,C,3,3] as [9][channels], times scale; turned: from the last tap to the first
  static at::Tensor taps(const at::Tensor& weight, double scale, bool turned) {
    auto w = weight.reshape({-1, 9}).t();
    return ((turned ? w.flip(0) : w) * scale).contiguous();
  }

  static at::Tensor run(const at::Tensor& x, const at::Tensor& weights, const at::Tensor& bias, const smt::conv_one_shape& s) {
    const bool to_many = x.size(1) == 1;
    auto y = image_like(x, to_many ? s.channels : 1, s.height, s.width);
    const int64_t from = x.size(1) * s.height * s.width, to = y.size(1) * s.height * s.width;
    const float single = !to_many && bias.defined() ? *floats(bias) : 0;
    by_parts(s, parts_of(s), kernels()->one.scratch(s), [&](int64_t, const smt::conv_one_shape& part, int64_t first, void* scratch) {
      if (to_many) kernels()->one.to_many(part, bits(x) + first * from, floats(weights), floats(bias), bits(y) + first * to, scratch);
      else kernels()->one.to_one(part, bits(x) + first * from, floats(weights), single, bits(y) + first * to, scratch);
    });
    return y;
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const at::Tensor& weight, const c10::optional<at::Tensor>& bias, double scale) {
    auto x = input.contiguous(at::MemoryFormat::ChannelsLast);
    context->save_for_backward({x, weight});
    context->saved_data["scale"] = scale;
    context->saved_data["bias"] = bias.has_value();
    return run(x, taps(weight, scale, false), bias ? (*bias * scale).contiguous() : at::Tensor(), shape_of(x, weight));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &w = saved[1];
    const auto s = shape_of(x, w);
    const auto scale = context->saved_data["scale"].toDouble();
    const bool has_bias = context->saved_data["bias"].toBool(), to_many = x.size(1) == 1;
    auto dy = gradients[0].to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor dx, dw, db;
    if (context->needs_input_grad(0)) dx = run(dy, taps(w, scale, true), at::Tensor(), s);
    if (context->needs_input_grad(1) || (has_bias && context->needs_input_grad(2))) {
      const int64_t parts = parts_of(s), pixels = s.height * s.width;
      auto sums = at::zeros({parts, 10, s.channels}, w.options().memory_format(c10::nullopt));
      const auto &one = to_many ? x : dy, &many = to_many ? dy : x;
      by_parts(s, parts, kernels()->one.scratch(s), [&](int64_t k, const smt::conv_one_shape& part, int64_t first, void* scratch) {
        float* to = floats(sums) + k * 10 * s.channels;
        kernels()->one.gradient(part, bits(one) + first * pixels, bits(many) + first * pixels * s.channels, to, to + 9 * s.channels, scratch);
      });
      auto total = sums.sum(0) * scale;
      auto by_tap = total.narrow(0, 0, 9);
      // of many channels to one, every pixel of x met the pixels of dy around it, so the taps are turned
      dw = (to_many ? by_tap : by_tap.flip(0)).t().reshape(w.sizes()).contiguous(at::MemoryFormat::ChannelsLast);
      if (has_bias) db = to_many ? total.select(0, 9).clone() : dy.to(at::kFloat).sum().reshape({1}) * scale;
    }
    return {dx, dw, db, at::Tensor()};
  }
};

at::Tensor conv2d_residual(const at::Tensor& input, const at::Tensor& weight, const c10::optional<at::Tensor>& bias, const c10::optional<at::Tensor>& residual,
                           double scale, double factor, int64_t change) {
  TORCH_CHECK(weight.dim() == 4 && weight.size(2) % 2 == 1 && weight.size(2) == weight.size(3), "conv2d_residual takes weights [O,C,k,k], k odd");
  TORCH_CHECK(change == none || change == up || change == down, "conv2d_residual takes resample 0 (none), 1 (up) or 2 (down), not ", change);
  if (is_ours(input, weight, bias, residual, change)) return ConvResidual::apply(input, weight, bias, residual, scale, factor, change);
  if (is_one(input, weight, bias, residual, change)) return ConvOne::apply(input, weight, bias, scale);
  const auto type = input.scalar_type();
  auto scaled = [&](const at::Tensor& t) { return (scale == 1 ? t : t * scale).to(type); };
  auto doubled = [](const at::Tensor& t) { return at::upsample_nearest2d(t, {2 * t.size(2), 2 * t.size(3)}); };
  const bool afterwards = change == up && weight.size(2) == 1;
  auto x = change == down ? at::avg_pool2d(input, 2) : change == up && !afterwards ? doubled(input) : input;
  auto y = at::conv2d(x, scaled(weight), bias ? c10::optional<at::Tensor>(scaled(*bias)) : c10::nullopt, 1, weight.size(2) / 2);
  if (afterwards) y = doubled(y);
  return residual ? y.add(*residual, factor) : y;
}

struct CatChannels : torch::autograd::Function<CatChannels> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& a, const at::Tensor& b) {
    auto x = a.contiguous(at::MemoryFormat::ChannelsLast), z = b.contiguous(at::MemoryFormat::ChannelsLast);
    context->saved_data["channels"] = x.size(1);
    auto y = image_like(x, x.size(1) + z.size(1), x.size(2), x.size(3));
    const int64_t pixels = x.size(2) * x.size(3), A = x.size(1), B = z.size(1);
    at::parallel_for(0, x.size(0), 1, [&](int64_t from, int64_t to) {
      kernels()->join((to - from) * pixels, A, B, bits(x) + from * pixels * A, bits(z) + from * pixels * B, bits(y) + from * pixels * (A + B));
    });
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    auto dy = gradients[0].to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
    const int64_t pixels = dy.size(2) * dy.size(3), A = context->saved_data["channels"].toInt(), B = dy.size(1) - A;
    auto da = image_like(dy, A, dy.size(2), dy.size(3)), db = image_like(dy, B, dy.size(2), dy.size(3));
    at::parallel_for(0, dy.size(0), 1, [&](int64_t from, int64_t to) {
      kernels()->split((to - from) * pixels, A, B, bits(dy) + from * pixels * (A + B), bits(da) + from * pixels * A, bits(db) + from * pixels * B);
    });
    return {da, db};
  }
};

at::Tensor cat_channels(const at::Tensor& a, const at::Tensor& b) {
  auto fits = [](const at::Tensor& t) { return t.device().is_cpu() && t.scalar_type() == at::kBFloat16 && t.dim() == 4 && t.numel() > 0 && t.size(1) % block == 0; };
  if (!kernels() || !fits(a) || !fits(b) || a.size(0) != b.size(0) || a.size(2) != b.size(2) || a.size(3) != b.size(3)) return at::cat({a, b}, 1);
  return CatChannels::apply(a, b);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(smtweb, library) {
  // scale * (conv(resampled x, weight) + bias) + factor * residual: x [N,C,H,W], stride 1, same padding, weight [O,C,k,k] and bias
  // [O] of any number format, residual like the result or absent. resample: 0 none, 1 every pixel counts for 2x2, 2 the mean of 2x2
  library.def("conv2d_residual(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, float factor, int resample) -> Tensor", &conv2d_residual);
  // the channels of two images [N,C,H,W] in one; libtorch's gradients are views of every (C+D)th piece of memory, which cost the next addition nine times its time
  library.def("cat_channels(Tensor a, Tensor b) -> Tensor", &cat_channels);
}
