// smtweb::mlp: linear layers with leaky ReLU between them as one operator, forward and backward.
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <vector>

#include "float_kernels.h"

namespace {

using torch::autograd::variable_list;

const smt::float_kernels& kernels() { return smt::float_best(); }

constexpr int64_t fewest_rows = 64;  // that are worth a thread

int64_t parts_of(int64_t rows) { return std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows / fewest_rows)); }

// rows in parts, one a thread: work(part, first row, number of rows)
template <class F>
void by_parts(int64_t rows, int64_t parts, F&& work) {
  at::parallel_for(0, parts, 1, [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; k++) work(k, rows * k / parts, rows * (k + 1) / parts - rows * k / parts);
  });
}

float* floats(const at::Tensor& t) { return t.data_ptr<float>(); }

at::Tensor room(int64_t n, const at::Tensor& like) { return at::empty({n}, like.options()); }

// a [depth, columns] matrix as panels: element (k, j) at m[k * depth_step + j * column_step]
at::Tensor packed(const at::Tensor& m, int64_t depth, int64_t columns, int64_t depth_step, int64_t column_step) {
  auto panels = room((columns + kernels().panel - 1) / kernels().panel * kernels().panel * depth, m);
  kernels().pack(floats(m), depth, columns, depth_step, column_step, floats(panels));
  return panels;
}

// x, or a copy behind which the kernels may read on
at::Tensor readable(const at::Tensor& x) {
  if (x.size(1) % smt::dense_padding == 0) return x.contiguous();
  auto copy = room(x.numel() + smt::dense_padding, x).narrow(0, 0, x.numel()).view(x.sizes());
  return copy.copy_(x);
}

// outputs of all layers, the last one [rows, outputs], the others flat
variable_list outputs_of(const at::Tensor& x, at::TensorList weights, at::TensorList biases, float slope, bool activate_last) {
  const int64_t rows = x.size(0), layers = weights.size();
  variable_list outputs, panels;
  for (int64_t k = 0; k < layers; k++) {
    const int64_t out = weights[k].size(0), in = weights[k].size(1);
    panels.push_back(packed(weights[k], in, out, 1, in));
    outputs.push_back(k + 1 < layers ? room(rows * out + smt::dense_padding, x) : at::empty({rows, out}, x.options()));
  }
  by_parts(rows, parts_of(rows), [&](int64_t, int64_t first, int64_t count) {
    for (int64_t k = 0; k < layers; k++) {
      const int64_t out = weights[k].size(0), in = weights[k].size(1);
      smt::dense_product p = {};
      p.rows = count, p.columns = out, p.depth = in;
      p.a = floats(k == 0 ? x : outputs[k - 1]) + first * in, p.a_row = in, p.a_depth = 1;
      p.b = floats(panels[k]), p.b_depth = kernels().panel, p.b_panel = kernels().panel * in;
      p.c = floats(outputs[k]) + first * out, p.c_row = out;
      p.start = floats(biases[k]);
      p.slope = k + 1 < layers || activate_last ? slope : 1;
      kernels().multiply(p);
    }
  });
  return outputs;
}

// Gradients of the input, the weights and the biases; `wanted` says which. inputs[k] is what layer k read.
variable_list gradients_of(at::Tensor dy, const variable_list& inputs, const at::Tensor& y, at::TensorList weights, float slope, bool activate_last,
                           const std::vector<bool>& wanted) {
  const int64_t rows = dy.size(0), layers = weights.size(), parts = parts_of(rows);
  const auto& kernel = kernels();
  variable_list found(1 + 2 * layers), panels(layers), d_outputs(layers);
  std::vector<int64_t> at_weight(layers), at_bias(layers);  // places in the sums of a part other than the first
  int64_t lowest = layers, sums = 0;
  for (int64_t k = layers - 1; k >= 0; k--)
    if (wanted[1 + k] || wanted[1 + layers + k]) lowest = k;
  if (wanted[0]) lowest = 0;
  for (int64_t k = lowest; k < layers; k++) {
    const int64_t out = weights[k].size(0), in = weights[k].size(1);
    if (k > lowest || wanted[0]) panels[k] = packed(weights[k], out, in, in, 1);
    d_outputs[k] = k + 1 < layers || activate_last ? room(rows * out, dy) : dy;
    found[1 + k] = at::empty({out, in}, dy.options());
    found[1 + layers + k] = at::empty({out}, dy.options());
    at_weight[k] = sums, sums += out * in;
    at_bias[k] = sums, sums += out;
  }
  if (wanted[0]) found[0] = at::empty({rows, weights[0].size(1)}, dy.options());
  auto others = room((parts - 1) * sums, dy);

  by_parts(rows, parts, [&](int64_t part, int64_t first, int64_t count) {
    if (activate_last) {
      const int64_t out = y.size(1);
      kernel.scale_by_sign(floats(dy) + first * out, floats(y) + first * out, count * out, slope, floats(d_outputs.back()) + first * out);
    }
    for (int64_t k = layers - 1; k >= lowest; k--) {
      const int64_t out = weights[k].size(0), in = weights[k].size(1);
      const float* d_output = floats(d_outputs[k]) + first * out;
      const float* input = floats(inputs[k]) + first * in;
      auto* sum = part == 0 ? nullptr : floats(others) + (part - 1) * sums;
      smt::dense_product p = {};
      if (wanted[1 + k]) {
        p.rows = out, p.columns = in, p.depth = count;
        p.a = d_output, p.a_row = 1, p.a_depth = out;
        p.b = input, p.b_depth = in, p.b_panel = kernel.panel;
        p.c = sum ? sum + at_weight[k] : floats(found[1 + k]), p.c_row = in;
        p.slope = 1;
        kernel.multiply(p);
      }
      if (wanted[1 + layers + k]) kernel.sum_rows(d_output, count, out, sum ? sum + at_bias[k] : floats(found[1 + layers + k]));
      if (!panels[k].defined()) continue;
      p = {};
      p.rows = count, p.columns = in, p.depth = out;
      p.a = d_output, p.a_row = out, p.a_depth = 1;
      p.b = floats(panels[k]), p.b_depth = kernel.panel, p.b_panel = kernel.panel * out;
      p.c = floats(k == 0 ? found[0] : d_outputs[k - 1]) + first * in, p.c_row = in;
      p.slope = k == 0 ? 1 : slope;
      if (k > 0) p.sign = input, p.sign_row = in;  // leaky ReLU keeps the sign
      kernel.multiply(p);
    }
  });
  // always in the same order: a number of threads always gives the same bits
  for (int64_t part = 1; part < parts; part++)
    for (int64_t k = lowest; k < layers; k++) {
      auto* sum = floats(others) + (part - 1) * sums;
      if (wanted[1 + k]) kernel.add(sum + at_weight[k], found[1 + k].numel(), floats(found[1 + k]));
      if (wanted[1 + layers + k]) kernel.add(sum + at_bias[k], found[1 + layers + k].numel(), floats(found[1 + layers + k]));
    }
  for (size_t k = 0; k < found.size(); k++)
    if (!wanted[k]) found[k] = at::Tensor();
  return found;
}

struct Mlp : torch::autograd::Function<Mlp> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, at::TensorList weights, at::TensorList biases, double slope,
                            bool activate_last) {
    auto x = readable(input);
    auto outputs = outputs_of(x, weights, biases, slope, activate_last);
    auto y = outputs.back();
    variable_list saved(weights.begin(), weights.end());
    saved.push_back(x);
    saved.insert(saved.end(), outputs.begin(), outputs.end() - 1);
    if (activate_last) saved.push_back(y);
    context->save_for_backward(std::move(saved));
    context->saved_data["layers"] = static_cast<int64_t>(weights.size());
    context->saved_data["slope"] = slope;
    return y;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const int64_t layers = context->saved_data["layers"].toInt();
    const bool activate_last = static_cast<int64_t>(saved.size()) > 2 * layers;
    std::vector<bool> wanted;
    for (int64_t k = 0; k < 1 + 2 * layers; k++) wanted.push_back(context->needs_input_grad(k));
    auto found = gradients_of(gradients[0].contiguous(), variable_list(saved.begin() + layers, saved.begin() + 2 * layers), activate_last ? saved.back() : at::Tensor(),
                              at::TensorList(saved).slice(0, layers), context->saved_data["slope"].toDouble(), activate_last, wanted);
    found.resize(found.size() + 2);
    return found;
  }
};

bool is_ours(const at::Tensor& x, at::TensorList weights, at::TensorList biases) {
  auto plain = [](const at::Tensor& t, int64_t dimensions) {
    return t.device().is_cpu() && t.scalar_type() == at::kFloat && t.dim() == dimensions && t.numel() > 0;
  };
  if (!plain(x, 2)) return false;
  int64_t width = x.size(1);
  for (size_t k = 0; k < weights.size(); k++) {
    if (!plain(weights[k], 2) || !weights[k].is_contiguous() || weights[k].size(1) != width) return false;
    width = weights[k].size(0);
    if (!plain(biases[k], 1) || !biases[k].is_contiguous() || biases[k].size(0) != width) return false;
  }
  return true;
}

at::Tensor mlp(const at::Tensor& x, at::TensorList weights, at::TensorList biases, double slope, bool activate_last) {
  TORCH_CHECK(!weights.empty() && weights.size() == biases.size(), "mlp takes as many biases as weights, at least one; there are ", weights.size(), " weights and ",
              biases.size(), " biases");
  TORCH_CHECK(slope >= 0, "mlp takes a slope that keeps the sign, not ", slope);
  if (is_ours(x, weights, biases)) {
    if (c10::GradMode::is_enabled()) return Mlp::apply(x, weights, biases, slope, activate_last);
    return outputs_of(x.contiguous(), weights, biases, slope, activate_last).back();
  }
  auto y = x;
  for (size_t k = 0; k < weights.size(); k++) {
    y = at::linear(y, weights[k], biases[k]);
    if (k + 1 < weights.size() || activate_last) y = at::leaky_relu(y, slope);
  }
  return y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(smtweb, library) {
  // x [rows, inputs] through linear layers, weights [outputs, inputs] and biases [outputs], with leaky ReLU after each but
  // the last, and after that as well where asked. On the CPU float32 runs kernels of our own, the rest libtorch's operators.
  library.def("mlp(Tensor x, Tensor[] weights, Tensor[] biases, float slope, bool activate_last) -> Tensor", &mlp);
}
