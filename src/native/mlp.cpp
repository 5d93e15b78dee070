// smt_mlp: linear layers with leaky ReLU between them, forward and backward.
#include <cstring>
#include <vector>

#include "float_kernels.h"
#include "parallel.h"
#include "smtkernels.h"

namespace {

const smt::float_kernels& kernels() { return smt::float_best(); }

constexpr int64_t fewest_rows = 64;  // that are worth a thread

int64_t parts_of(const smt_mlp& m) { return std::max<int64_t>(1, std::min<int64_t>(m.threads, m.rows / fewest_rows)); }

// rows in parts, one a thread: work(part, first row, number of rows)
template <class F>
void by_parts(int64_t rows, int64_t parts, F&& work) {
  smt::in_parts(parts, [&](int64_t k) { work(k, rows * k / parts, rows * (k + 1) / parts - rows * k / parts); });
}

// Whether the kernels may read on behind rows of this width: what lies there is then part of the last row.
bool readable(int64_t width) { return width % smt::dense_padding == 0; }

// Where in `between` the input of layer k lies: a copy of x where the kernels may not read on behind x, and the outputs of the layers before.
std::vector<int64_t> places(const smt_mlp& m) {
  std::vector<int64_t> at(m.layers + 1);
  at[0] = 0;
  for (int32_t k = 0; k < m.layers; k++) at[k + 1] = at[k] + (k == 0 && readable(m.widths[0]) ? 0 : m.rows * m.widths[k] + smt::dense_padding);
  return at;
}

int64_t panels_of(int64_t depth, int64_t columns) { return (columns + kernels().panel - 1) / kernels().panel * kernels().panel * depth; }

}  // namespace

SMT_API int64_t smt_mlp_between(const smt_mlp* mlp) { return places(*mlp).back(); }

SMT_API void smt_mlp_forward(const smt_mlp* mlp, const float* x, float* between, float* y) {
  const auto& m = *mlp;
  const auto at = places(m);
  if (at[1] > 0) std::memcpy(between, x, m.rows * m.widths[0] * sizeof(float));
  std::vector<int64_t> panel_at(m.layers + 1);
  for (int32_t k = 0; k < m.layers; k++) panel_at[k + 1] = panel_at[k] + panels_of(m.widths[k], m.widths[k + 1]);
  smt::room<float> panels(panel_at.back());
  for (int32_t k = 0; k < m.layers; k++) kernels().pack(m.weights[k], m.widths[k], m.widths[k + 1], 1, m.widths[k], panels + panel_at[k]);
  by_parts(m.rows, parts_of(m), [&](int64_t, int64_t first, int64_t count) {
    for (int32_t k = 0; k < m.layers; k++) {
      const int64_t out = m.widths[k + 1], in = m.widths[k];
      smt::dense_product p = {};
      p.rows = count, p.columns = out, p.depth = in;
      p.a = (k == 0 ? x : between + at[k]) + first * in, p.a_row = in, p.a_depth = 1;
      p.b = panels + panel_at[k], p.b_depth = kernels().panel, p.b_panel = kernels().panel * in;
      p.c = (k + 1 < m.layers ? between + at[k + 1] : y) + first * out, p.c_row = out;
      p.start = m.biases[k];
      p.slope = k + 1 < m.layers || m.activate_last ? m.slope : 1;
      kernels().multiply(p);
    }
  });
}

SMT_API void smt_mlp_backward(const smt_mlp* mlp, const float* x, const float* between, const float* y, const float* dy, float* dx, float* const* d_weights,
                              float* const* d_biases) {
  const auto& m = *mlp;
  const auto& kernel = kernels();
  const int64_t rows = m.rows, parts = parts_of(m);
  const int32_t layers = m.layers;
  const auto at = places(m);
  std::vector<int64_t> at_weight(layers), at_bias(layers);  // places in the sums of a part other than the first
  std::vector<int64_t> at_panel(layers), at_output(layers);
  int64_t sums = 0, panels_size = 0, outputs_size = 0;
  int32_t lowest = layers;  // layer to which the gradient has to come
  for (int32_t k = layers - 1; k >= 0; k--)
    if (d_weights[k] || d_biases[k]) lowest = k;
  if (dx) lowest = 0;
  for (int32_t k = lowest; k < layers; k++) {
    const int64_t out = m.widths[k + 1], in = m.widths[k];
    at_panel[k] = panels_size, panels_size += panels_of(out, in);
    at_output[k] = outputs_size, outputs_size += rows * out;
    at_weight[k] = sums, sums += out * in;
    at_bias[k] = sums, sums += out;
  }
  smt::room<float> panels(panels_size), d_outputs(outputs_size), others((parts - 1) * sums);
  for (int32_t k = lowest; k < layers; k++)
    if (k > lowest || dx) kernel.pack(m.weights[k], m.widths[k + 1], m.widths[k], m.widths[k], 1, panels + at_panel[k]);

  by_parts(rows, parts, [&](int64_t part, int64_t first, int64_t count) {
    const float* last = dy + first * m.widths[layers];
    if (m.activate_last) {
      const int64_t out = m.widths[layers];
      float* scaled = d_outputs + at_output[layers - 1] + first * out;
      kernel.scale_by_sign(last, y + first * out, count * out, m.slope, scaled);
      last = scaled;
    }
    for (int32_t k = layers - 1; k >= lowest; k--) {
      const int64_t out = m.widths[k + 1], in = m.widths[k];
      const float* d_output = k == layers - 1 ? last : d_outputs + at_output[k] + first * out;
      const float* input = (k == 0 && readable(in) ? x : between + at[k]) + first * in;
      float* sum = part == 0 ? nullptr : others + (part - 1) * sums;
      smt::dense_product p = {};
      if (d_weights[k]) {
        p.rows = out, p.columns = in, p.depth = count;
        p.a = d_output, p.a_row = 1, p.a_depth = out;
        p.b = input, p.b_depth = in, p.b_panel = kernel.panel;
        p.c = sum ? sum + at_weight[k] : d_weights[k], p.c_row = in;
        p.slope = 1;
        kernel.multiply(p);
      }
      if (d_biases[k]) kernel.sum_rows(d_output, count, out, sum ? sum + at_bias[k] : d_biases[k]);
      if (k == lowest && !dx) continue;
      p = {};
      p.rows = count, p.columns = in, p.depth = out;
      p.a = d_output, p.a_row = out, p.a_depth = 1;
      p.b = panels + at_panel[k], p.b_depth = kernel.panel, p.b_panel = kernel.panel * out;
      p.c = (k == 0 ? dx : d_outputs + at_output[k - 1]) + first * in, p.c_row = in;
      p.slope = k == 0 ? 1 : m.slope;
      if (k > 0) p.sign = input, p.sign_row = in;  // leaky ReLU keeps the sign
      kernel.multiply(p);
    }
  });
  // always in the same order: a number of threads always gives the same bits
  for (int64_t part = 1; part < parts; part++)
    for (int32_t k = lowest; k < layers; k++) {
      const float* sum = others + (part - 1) * sums;
      if (d_weights[k]) kernel.add(sum + at_weight[k], m.widths[k + 1] * m.widths[k], d_weights[k]);
      if (d_biases[k]) kernel.add(sum + at_bias[k], m.widths[k + 1], d_biases[k]);
    }
}
