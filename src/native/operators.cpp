// Operators of our own, registered with the dispatcher like libtorch's: smtweb::group_norm.
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <vector>

#include "group_norm.h"
#include "instruction_sets.h"

namespace {

const smt::group_norm_kernels& kernels() {
  static const smt::group_norm_kernels& best = []() -> const smt::group_norm_kernels& {
#if defined(__x86_64__)
    if (smt::has_avx512_bf16()) return smt::group_norm_avx512_bf16();
    if (smt::has_avx512()) return smt::group_norm_avx512();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return smt::group_norm_avx2();
#endif
    return smt::group_norm_default();
  }();
  return best;
}

uint16_t* bits(const at::Tensor& t) { return static_cast<uint16_t*>(t.data_ptr()); }

constexpr int64_t most_groups = 256;

smt::group_norm_image image_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t groups, double eps, bool silu) {
  return {x.size(2) * x.size(3), x.size(1), groups, static_cast<float>(eps), nullptr, weight.data_ptr<float>(), bias.data_ptr<float>(), silu};
}

// Results: group_norm(x + shift) with or without SiLU and, if `branch`, x itself. Where a network goes two ways from x, a
// residual block for example, the other way takes that x: its gradient is added while that of the first is written.
struct GroupNorm : torch::autograd::Function<GroupNorm> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const at::Tensor& input, const c10::optional<at::Tensor>& shift,
                                                const at::Tensor& weight, const at::Tensor& bias, int64_t groups, double eps, bool silu, bool branch) {
    TORCH_CHECK(input.dim() == 4 && input.device().is_cpu(), "group_norm takes a CPU tensor [N,C,H,W]");
    TORCH_CHECK(input.scalar_type() == at::kFloat || input.scalar_type() == at::kBFloat16, "group_norm takes float32 or bfloat16");
    TORCH_CHECK(groups > 0 && groups <= most_groups && input.size(1) % groups == 0, "channels must be a multiple of groups, groups at most ", most_groups);
    auto x = input.contiguous(at::MemoryFormat::ChannelsLast);
    auto s = shift ? shift->to(at::kFloat).contiguous() : at::Tensor();
    auto w = weight.contiguous(), b = bias.contiguous();
    auto y = at::empty_like(x);
    const int64_t N = x.size(0), C = x.size(1);
    auto statistics = at::empty({2, N, groups}, x.options().dtype(at::kFloat).memory_format(c10::nullopt));
    auto* mean = statistics.data_ptr<float>();
    auto* rstd = mean + N * groups;
    at::parallel_for(0, N, 1, [&](int64_t from, int64_t to) {
      std::vector<float> scratch(6 * C);
      for (int64_t n = from; n < to; n++) {
        auto g = image_of(x, w, b, groups, eps, silu);
        if (s.defined()) g.shift = s.data_ptr<float>() + n * C;
        const int64_t at = n * g.pixels * C;
        if (x.scalar_type() == at::kFloat)
          kernels().forward_f32(g, x.data_ptr<float>() + at, y.data_ptr<float>() + at, mean + n * groups, rstd + n * groups, scratch.data());
        else
          kernels().forward_bf16(g, bits(x) + at, bits(y) + at, mean + n * groups, rstd + n * groups, scratch.data());
      }
    });
    context->save_for_backward({x, s, w, b, statistics});
    context->saved_data["groups"] = groups;
    context->saved_data["eps"] = eps;
    context->saved_data["silu"] = silu;
    context->saved_data["shift_type"] = static_cast<int64_t>(shift ? shift->scalar_type() : at::kFloat);
    if (!branch) return {y};
    return {y, input};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &s = saved[1], &w = saved[2], &b = saved[3], &statistics = saved[4];
    const auto groups = context->saved_data["groups"].toInt();
    const auto eps = context->saved_data["eps"].toDouble();
    const auto silu = context->saved_data["silu"].toBool();
    auto as_x = [&](const at::Tensor& t) { return t.to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast); };
    at::Tensor more = gradients.size() > 1 && gradients[1].defined() ? as_x(gradients[1]) : at::Tensor();
    auto dy = gradients[0].defined() ? as_x(gradients[0]) : at::zeros_like(x);
    auto dx = at::empty_like(x);
    const int64_t N = x.size(0), C = x.size(1), pixels = x.size(2) * x.size(3);
    auto d_shift = s.defined() ? at::empty({N, C}, w.options()) : at::Tensor();
    // one partial sum per chunk of images, added up in order: the same result however many threads there are
    const int64_t chunks = std::min<int64_t>(N, 16);
    std::vector<float> partial(chunks * 2 * C);
    auto* mean = statistics.data_ptr<float>();
    auto* rstd = mean + N * groups;
    at::parallel_for(0, chunks, 1, [&](int64_t from, int64_t to) {
      std::vector<float> scratch((pixels + 8) * C);
      for (int64_t k = from; k < to; k++)
        for (int64_t n = N * k / chunks; n < N * (k + 1) / chunks; n++) {
          auto g = image_of(x, w, b, groups, eps, silu);
          if (s.defined()) g.shift = s.data_ptr<float>() + n * C;
          auto* ds = d_shift.defined() ? d_shift.data_ptr<float>() + n * C : nullptr;
          auto* to = partial.data() + k * 2 * C;
          const int64_t at = n * pixels * C;
          if (x.scalar_type() == at::kFloat)
            kernels().backward_f32(g, x.data_ptr<float>() + at, dy.data_ptr<float>() + at, more.defined() ? more.data_ptr<float>() + at : nullptr,
                                   mean + n * groups, rstd + n * groups, dx.data_ptr<float>() + at, ds, to, to + C, scratch.data());
          else
            kernels().backward_bf16(g, bits(x) + at, bits(dy) + at, more.defined() ? bits(more) + at : nullptr, mean + n * groups, rstd + n * groups,
                                    bits(dx) + at, ds, to, to + C, scratch.data());
        }
    });
    auto dw = at::empty({C}, w.options()), db = at::empty({C}, w.options());
    for (int64_t c = 0; c < C; c++) {
      float sum_w = 0, sum_b = 0;
      for (int64_t k = 0; k < chunks; k++) {
        sum_w += partial[k * 2 * C + c];
        sum_b += partial[(k * 2 + 1) * C + c];
      }
      dw.data_ptr<float>()[c] = sum_w;
      db.data_ptr<float>()[c] = sum_b;
    }
    if (d_shift.defined()) d_shift = d_shift.to(static_cast<at::ScalarType>(context->saved_data["shift_type"].toInt()));
    return {dx, d_shift, dw, db, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor group_norm(const at::Tensor& x, const c10::optional<at::Tensor>& shift, const at::Tensor& weight, const at::Tensor& bias, int64_t groups,
                      double eps, bool silu) {
  return GroupNorm::apply(x, shift, weight, bias, groups, eps, silu, false)[0];
}

std::tuple<at::Tensor, at::Tensor> group_norm_branch(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t groups, double eps, bool silu) {
  auto both = GroupNorm::apply(x, c10::optional<at::Tensor>(), weight, bias, groups, eps, silu, true);
  return {both[0], both[1]};
}

}  // namespace

TORCH_LIBRARY(smtweb, library) {
  // group_norm(x + shift[:, :, None, None]), by wish with SiLU: x [N,C,H,W] on the CPU, shift [N,C], weight and bias [C] float32
  library.def("group_norm(Tensor x, Tensor? shift, Tensor weight, Tensor bias, int groups, float eps, bool silu) -> Tensor", &group_norm);
  // the same of x, and x for the other way of a residual block
  library.def("group_norm_branch(Tensor x, Tensor weight, Tensor bias, int groups, float eps, bool silu) -> (Tensor, Tensor)", &group_norm_branch);
}
