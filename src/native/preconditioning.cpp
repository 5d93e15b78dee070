// What stands around a small network besides its layers, each as one operator: smtweb::edm_coefficients, mix_rows and
// fourier_features before it, row_errors and adamw_ after it.
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <cmath>
#include <tuple>

#include "float_kernels.h"
#include "instruction_sets.h"

const smt::float_kernels& smt::float_best() {
  static const float_kernels& best = []() -> const float_kernels& {
#if defined(__x86_64__)
    if (has_avx512()) return float_avx512();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return float_avx2();
#endif
    return float_default();
  }();
  return best;
}

namespace {

float* floats(const at::Tensor& t) { return t.data_ptr<float>(); }

// float32 in the CPU's memory without history
bool is_plain(const at::Tensor& t, int64_t dimensions) {
  return t.device().is_cpu() && t.scalar_type() == at::kFloat && t.dim() == dimensions && t.is_contiguous() && !(t.requires_grad() && c10::GradMode::is_enabled());
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> edm_coefficients(const at::Tensor& sigma, double sigma_data) {
  if (!is_plain(sigma, 1)) {
    auto total = sigma * sigma + sigma_data * sigma_data;
    auto root = total.sqrt();
    return {total.reciprocal() * (sigma_data * sigma_data), sigma * sigma_data / root, root.reciprocal(), sigma.log() / 4};
  }
  const int64_t n = sigma.numel();
  auto skip = at::empty_like(sigma), out = at::empty_like(sigma), in = at::empty_like(sigma), noise = at::empty_like(sigma);
  auto *s = floats(sigma), *a = floats(skip), *b = floats(out), *c = floats(in), *d = floats(noise);
  const float data = sigma_data, square = sigma_data * sigma_data;
  for (int64_t k = 0; k < n; k++) {
    const float total = s[k] * s[k] + square, root = std::sqrt(total);
    a[k] = square / total;
    b[k] = s[k] * data / root;
    c[k] = 1 / root;
    d[k] = k > 0 && s[k] == s[k - 1] ? d[k - 1] : std::log(s[k]) / 4;
  }
  return {skip, out, in, noise};
}

at::Tensor features(const at::Tensor& x, at::TensorList values, at::TensorList frequencies, int64_t width) {
  const int64_t rows = values[0].size(0), own = x.defined() ? x.size(1) : 0;
  auto y = at::empty({rows, width}, values[0].options());
  auto column = own;
  for (size_t k = 0; k < values.size(); k++) {
    smt::float_best().fourier(floats(values[k]), rows, floats(frequencies[k]), frequencies[k].numel(), floats(y) + column, width);
    column += 2 * frequencies[k].numel();
  }
  if (own > 0)
    for (int64_t i = 0; i < rows; i++) std::copy_n(floats(x) + i * own, own, floats(y) + i * width);
  return y;
}

struct FourierFeatures : torch::autograd::Function<FourierFeatures> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, at::TensorList values, at::TensorList frequencies, int64_t width) {
    context->saved_data["own"] = x.size(1);
    context->saved_data["others"] = static_cast<int64_t>(values.size() + frequencies.size());
    return features(x.contiguous(), values, frequencies, width);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    torch::autograd::variable_list found(2 + context->saved_data["others"].toInt());
    found[0] = gradients[0].narrow(1, 0, context->saved_data["own"].toInt());
    return found;
  }
};

at::Tensor fourier_features(const c10::optional<at::Tensor>& given, at::TensorList values, at::TensorList frequencies) {
  TORCH_CHECK(!values.empty() && values.size() == frequencies.size(), "fourier_features takes frequencies for each list of values; there are ", values.size(),
              " of values and ", frequencies.size(), " of frequencies");
  const auto x = given ? *given : at::Tensor();
  bool ours = !x.defined() || (x.device().is_cpu() && x.scalar_type() == at::kFloat);
  int64_t width = x.defined() ? x.size(1) : 0;
  for (size_t k = 0; k < values.size(); k++) {
    TORCH_CHECK(values[k].dim() == 1 && frequencies[k].dim() == 1 && values[k].size(0) == values[0].size(0) && (!x.defined() || (x.dim() == 2 && x.size(0) == values[0].size(0))),
                "fourier_features takes one value a row, in each list, and x [rows, columns]");
    ours = ours && is_plain(values[k], 1) && is_plain(frequencies[k], 1);
    width += 2 * frequencies[k].size(0);
  }
  if (ours && x.defined() && x.requires_grad() && c10::GradMode::is_enabled()) return FourierFeatures::apply(x, values, frequencies, width);
  if (ours) return features(x.defined() ? x.contiguous() : x, values, frequencies, width);
  std::vector<at::Tensor> parts;
  if (x.defined()) parts.push_back(x);
  for (size_t k = 0; k < values.size(); k++) {
    // 2πf is rounded to float32 before the product, as in the reference
    auto phases = values[k].to(at::kFloat).unsqueeze(1) * (frequencies[k] * static_cast<float>(2 * M_PI));
    parts.push_back(phases.cos());
    parts.push_back(phases.sin());
  }
  return at::cat(parts, 1);
}

// the same numbers in the same order, float32 in the CPU's memory
bool is_alike(const at::Tensor& a, const at::Tensor& b) {
  return a.device().is_cpu() && b.device().is_cpu() && a.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat && a.is_contiguous() && b.is_contiguous() &&
         a.sizes() == b.sizes();
}

at::Tensor like_rows(const at::Tensor& per_row, const at::Tensor& x) {
  std::vector<int64_t> shape(x.dim(), 1);
  shape[0] = x.size(0);
  return per_row.view(shape);
}

at::Tensor mixed(const at::Tensor& a, const at::Tensor& x, const at::Tensor& b, const at::Tensor& z) {
  auto y = at::empty_like(x);
  if (x.numel() == 0) return y;
  smt::float_best().mix_rows(x.size(0), x.numel() / x.size(0), a.defined() ? floats(a) : nullptr, floats(x), b.defined() ? floats(b) : nullptr,
                             z.defined() ? floats(z) : nullptr, floats(y));
  return y;
}

struct MixRows : torch::autograd::Function<MixRows> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const c10::optional<at::Tensor>& z, const c10::optional<at::Tensor>& a,
                            const c10::optional<at::Tensor>& b) {
    context->save_for_backward({a.value_or(at::Tensor()), b.value_or(at::Tensor())});
    return mixed(a.value_or(at::Tensor()), x, b.value_or(at::Tensor()), z.value_or(at::Tensor()));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    auto g = gradients[0].contiguous();
    auto saved = context->get_saved_variables();
    const auto &a = saved[0], &b = saved[1];
    at::Tensor dx, dz;
    if (context->needs_input_grad(0)) dx = a.defined() ? mixed(a, g, at::Tensor(), at::Tensor()) : g;
    if (b.defined() && context->needs_input_grad(1)) dz = mixed(b, g, at::Tensor(), at::Tensor());
    return {dx, dz, at::Tensor(), at::Tensor()};
  }
};

at::Tensor mix_rows(const c10::optional<at::Tensor>& a, const at::Tensor& x, const c10::optional<at::Tensor>& b, const c10::optional<at::Tensor>& z) {
  TORCH_CHECK(b.has_value() == z.has_value(), "mix_rows takes b and z together");
  for (auto* factor : {&a, &b})
    TORCH_CHECK(!factor->has_value() || (x.dim() > 0 && (*factor)->dim() == 1 && (*factor)->size(0) == x.size(0)), "mix_rows takes one factor a row");
  if (is_alike(x, z.value_or(x)) && (!a || is_plain(*a, 1)) && (!b || is_plain(*b, 1))) {
    if (c10::GradMode::is_enabled() && (x.requires_grad() || (z && z->requires_grad()))) return MixRows::apply(x, z, a, b);
    return mixed(a.value_or(at::Tensor()), x, b.value_or(at::Tensor()), z.value_or(at::Tensor()));
  }
  auto y = a ? like_rows(*a, x) * x : x;
  return z ? y + like_rows(*b, x) * *z : y;
}

struct RowErrors : torch::autograd::Function<RowErrors> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& target, const at::Tensor& weight) {
    context->save_for_backward({x, target, weight});
    auto y = at::empty_like(weight);
    smt::float_best().row_errors(x.size(0), x.numel() / x.size(0), floats(x), floats(target), floats(weight), floats(y));
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &target = saved[1];
    auto factor = gradients[0] * saved[2] * (2.0 * x.size(0) / x.numel());
    return {mixed(factor, x - target, at::Tensor(), at::Tensor()), at::Tensor(), at::Tensor()};
  }
};

at::Tensor row_errors(const at::Tensor& x, const at::Tensor& target, const at::Tensor& weight) {
  TORCH_CHECK(x.dim() > 1 && weight.dim() == 1 && weight.size(0) == x.size(0), "row_errors takes one weight a row");
  if (is_alike(x, target) && x.numel() > 0 && is_plain(weight, 1) && !(target.requires_grad() && c10::GradMode::is_enabled())) return RowErrors::apply(x, target, weight);
  auto difference = (x - target).flatten(1);
  return (difference * difference).mean(1) * weight;
}

void adamw_(at::Tensor weights, at::Tensor gradients, at::Tensor first, at::Tensor second, double scale, double keep, double beta1, double beta2, double root,
            double eps, double rate) {
  const int64_t n = weights.numel();
  TORCH_CHECK(gradients.numel() == n && first.numel() == n && second.numel() == n, "adamw_ takes as many gradients and moments as weights");
  if (is_plain(weights, 1) && is_plain(gradients, 1) && is_plain(first, 1) && is_plain(second, 1)) {
    auto f = [](double value) { return static_cast<float>(value); };
    const smt::adamw_step step = {f(scale), f(keep), f(1 - beta1), f(beta2), f(1 - beta2), f(root), f(eps), f(rate)};
    at::parallel_for(0, n, 1 << 17, [&](int64_t from, int64_t to) {
      smt::float_best().adamw(step, to - from, floats(weights) + from, floats(gradients) + from, floats(first) + from, floats(second) + from);
    });
    return;
  }
  if (scale != 1) gradients.mul_(scale);
  weights.mul_(keep);
  first.lerp_(gradients, 1 - beta1);
  second.mul_(beta2).addcmul_(gradients, gradients, 1 - beta2);
  weights.addcdiv_(first, second.sqrt().div_(root).add_(eps), -rate);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(smtweb, library) {
  // sigma [N] -> c_skip, c_out, c_in, c_noise of EDM's preconditioning, [N] each
  library.def("edm_coefficients(Tensor sigma, float sigma_data) -> (Tensor, Tensor, Tensor, Tensor)", &edm_coefficients);
  // a [N] x [N,...] + b [N] z [N,...]: without a that is 1, and without z its term is not there
  library.def("mix_rows(Tensor? a, Tensor x, Tensor? b, Tensor? z) -> Tensor", &mix_rows);
  // weight [N] times the mean of the squared difference of x and target [N,...], [N]
  library.def("row_errors(Tensor x, Tensor target, Tensor weight) -> Tensor", &row_errors);
  // x [N,D] where given, and for each list of values [N] the cosines, then the sines of 2π v f, in columns: [N, D + 2F + ...]
  library.def("fourier_features(Tensor? x, Tensor[] values, Tensor[] frequencies) -> Tensor", &fourier_features);
  // One step of AdamW in place: gradients times `scale`; weights times `keep`; the moments with their decays; then -rate first / (sqrt(second) / root + eps)
  library.def("adamw_(Tensor(a!) weights, Tensor(b!) gradients, Tensor(c!) first, Tensor(d!) second, float scale, float keep, float beta1, float beta2, float root, float eps, float rate) -> ()", &adamw_);
}
