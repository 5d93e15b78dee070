#include "smttorch.h"
#include "shared.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <dlfcn.h>
#include <malloc.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace smt {

thread_local std::string last_error;

}  // namespace smt

namespace {

using smt::guarded;
using smt::last_error;
using smt::ref;

std::atomic<int64_t> live{0};

// A training step frees and takes the same tens of megabytes again and again. By default glibc hands them back to the
// system each time and gets them again as zeroed pages: measured, two fifths of a small network's step. Keep them.
__attribute__((constructor)) void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_ARENA_MAX, 1);                       // tensors are freed by other threads than took them
  mallopt(M_MMAP_THRESHOLD, 32 << 20);           // the most that glibc allows
  mallopt(M_TRIM_THRESHOLD, 0x7fffffff);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

c10::IValue to_ivalue(const smt_value& v, const c10::Argument& argument) {
  switch (v.tag) {
    case SMT_NONE:
      return {};
    case SMT_TENSOR:
      return ref(const_cast<void*>(v.p));
    case SMT_INT:
      // a C# integer literal is welcome where the schema wants a float
      if (argument.type()->kind() == c10::TypeKind::FloatType) return static_cast<double>(v.i);
      return v.i;
    case SMT_DOUBLE:
      return v.d;
    case SMT_BOOL:
      return v.i != 0;
    case SMT_INT_LIST: {
      auto* p = static_cast<const int64_t*>(v.p);
      return std::vector<int64_t>(p, p + v.n);
    }
    case SMT_DOUBLE_LIST: {
      auto* p = static_cast<const double*>(v.p);
      return std::vector<double>(p, p + v.n);
    }
    case SMT_TENSOR_LIST: {
      auto* p = static_cast<smt_tensor const*>(v.p);
      c10::List<at::Tensor> list;
      list.reserve(v.n);
      for (int k = 0; k < v.n; k++) list.push_back(ref(p[k]));
      return list;
    }
    case SMT_OPTIONAL_TENSOR_LIST: {
      auto* p = static_cast<smt_tensor const*>(v.p);
      c10::List<c10::optional<at::Tensor>> list;
      list.reserve(v.n);
      for (int k = 0; k < v.n; k++) {
        if (p[k]) list.push_back(c10::optional<at::Tensor>(ref(p[k])));
        else list.push_back(c10::optional<at::Tensor>());
      }
      return list;
    }
    case SMT_STRING:
      return std::string(static_cast<const char*>(v.p));
    case SMT_DEVICE:
      return c10::Device(std::string(static_cast<const char*>(v.p)));
    case SMT_GENERATOR:
      return *static_cast<at::Generator*>(const_cast<void*>(v.p));
    default:
      TORCH_CHECK(false, "argument '", argument.name(), "': unknown tag ", v.tag);
  }
}

}  // namespace

// Handles are counted, so that a test can show that nothing leaks.
smt_tensor smt::give(at::Tensor t) {
  auto* p = new at::Tensor(std::move(t));
  live.fetch_add(1, std::memory_order_relaxed);
  return p;
}

using smt::give;

SMT_API const char* smt_error() { return last_error.c_str(); }

SMT_API const char* smt_version() { return TORCH_VERSION; }

SMT_API int64_t smt_live_tensors() { return live.load(std::memory_order_relaxed); }

// ---- operators ----------------------------------------------------------------------------------------------------

// Null when the loaded libtorch has no such operator.
SMT_API smt_operator smt_operator_find(const char* name, const char* overload) {
  return guarded<smt_operator>(nullptr, [&]() -> smt_operator {
    auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
    if (!handle) {
      last_error = std::string("no operator ") + name + (*overload ? std::string(".") + overload : "");
      return nullptr;
    }
    return new c10::OperatorHandle(*handle);
  });
}

// The schema as text, valid until the next call on this thread.
SMT_API const char* smt_operator_schema(smt_operator op) {
  thread_local std::string text;
  return guarded<const char*>("", [&] {
    std::ostringstream s;
    s << static_cast<c10::OperatorHandle*>(op)->schema();
    text = s.str();
    return text.c_str();
  });
}

// Calls an operator with its first n arguments; those not given take the defaults of the loaded schema (schemas differ
// between versions). Tensor results, lists flattened, go to out; returns their number, or -1.
SMT_API int32_t smt_call(smt_operator op, const smt_value* arguments, int32_t n, smt_tensor* out, int32_t capacity) {
  return guarded<int32_t>(-1, [&] {
    auto* handle = static_cast<c10::OperatorHandle*>(op);
    const auto& schema = handle->schema().arguments();
    TORCH_CHECK(n <= static_cast<int32_t>(schema.size()), "takes ", schema.size(), " arguments, ", n, " given");
    torch::jit::Stack stack;
    stack.reserve(schema.size());
    for (int32_t k = 0; k < static_cast<int32_t>(schema.size()); k++) {
      if (k < n && arguments[k].tag != SMT_DEFAULT) {
        stack.push_back(to_ivalue(arguments[k], schema[k]));
      } else {
        TORCH_CHECK(schema[k].default_value(), "argument '", schema[k].name(), "' has no default");
        stack.push_back(*schema[k].default_value());
      }
    }
    handle->callBoxed(&stack);
    int32_t count = 0;
    auto put = [&](at::Tensor t) {
      TORCH_CHECK(count < capacity, "returns more than ", capacity, " tensors");
      out[count++] = give(std::move(t));
    };
    try {
      for (auto& r : stack) {
        if (r.isTensor()) put(std::move(r).toTensor());
        else if (r.isTensorList()) for (const at::Tensor& t : r.toTensorVector()) put(t);
      }
    } catch (...) {
      while (count > 0) { delete static_cast<at::Tensor*>(out[--count]); live.fetch_sub(1); }
      throw;
    }
    return count;
  });
}

// ---- tensors ------------------------------------------------------------------------------------------------------

SMT_API void smt_tensor_free(smt_tensor t) {
  if (!t) return;
  live.fetch_sub(1, std::memory_order_relaxed);
  guarded<int>(0, [&] { delete static_cast<at::Tensor*>(t); return 0; });
}

// Another handle on the same tensor.
SMT_API smt_tensor smt_tensor_alias(smt_tensor t) {
  return guarded<smt_tensor>(nullptr, [&] { return give(ref(t)); });
}

// Copies host memory into a new CPU tensor.
SMT_API smt_tensor smt_tensor_from_host(const void* data, const int64_t* sizes, int32_t dimensions, int32_t dtype) {
  return guarded<smt_tensor>(nullptr, [&] {
    auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
    auto t = at::empty(at::IntArrayRef(sizes, dimensions), options);
    if (t.numel() > 0) std::memcpy(t.data_ptr(), data, t.nbytes());
    return give(std::move(t));
  });
}

// Copies a tensor, row-major, to host memory of exactly `bytes` bytes. 0, or -1.
SMT_API int32_t smt_tensor_to_host(smt_tensor t, void* data, int64_t bytes) {
  return guarded<int32_t>(-1, [&] {
    auto source = ref(t).detach().to(at::kCPU).contiguous();
    TORCH_CHECK(static_cast<int64_t>(source.nbytes()) == bytes, "tensor has ", source.nbytes(), " bytes, buffer ", bytes);
    if (bytes > 0) std::memcpy(data, source.data_ptr(), bytes);
    return 0;
  });
}

SMT_API int32_t smt_tensor_dimensions(smt_tensor t) { return static_cast<int32_t>(ref(t).dim()); }

// Writes dim() sizes.
SMT_API void smt_tensor_sizes(smt_tensor t, int64_t* sizes) {
  auto s = ref(t).sizes();
  std::copy(s.begin(), s.end(), sizes);
}

SMT_API void smt_tensor_strides(smt_tensor t, int64_t* strides) {
  auto s = ref(t).strides();
  std::copy(s.begin(), s.end(), strides);
}

SMT_API int64_t smt_tensor_count(smt_tensor t) { return ref(t).numel(); }

SMT_API int32_t smt_tensor_dtype(smt_tensor t) { return static_cast<int32_t>(ref(t).scalar_type()); }

// at::DeviceType; *index is the device's number or -1.
SMT_API int32_t smt_tensor_device(smt_tensor t, int32_t* index) {
  auto device = ref(t).device();
  *index = device.index();
  return static_cast<int32_t>(device.type());
}

// The value of a one-element tensor.
SMT_API int32_t smt_tensor_item(smt_tensor t, double* value) {
  return guarded<int32_t>(-1, [&] { *value = ref(t).item().toDouble(); return 0; });
}

// ---- autograd -----------------------------------------------------------------------------------------------------

SMT_API int32_t smt_requires_grad(smt_tensor t) { return ref(t).requires_grad(); }

SMT_API int32_t smt_set_requires_grad(smt_tensor t, int32_t value) {
  return guarded<int32_t>(-1, [&] { ref(t).set_requires_grad(value != 0); return 0; });
}

// A handle on t.grad, or null with an empty smt_error() when there is none.
SMT_API smt_tensor smt_grad(smt_tensor t) {
  return guarded<smt_tensor>(nullptr, [&]() -> smt_tensor {
    last_error.clear();
    const auto& g = ref(t).grad();
    return g.defined() ? give(g) : nullptr;
  });
}

// Makes g (or nothing, when null) the gradient of t; later backward passes add into it in place.
SMT_API int32_t smt_set_grad(smt_tensor t, smt_tensor g) {
  return guarded<int32_t>(-1, [&] { ref(t).mutable_grad() = g ? ref(g) : at::Tensor(); return 0; });
}

// Accumulates d(sum of roots * gradients) into the leaves. A null gradient means 1 for a one-element root.
SMT_API int32_t smt_backward(const smt_tensor* roots, const smt_tensor* gradients, int32_t n, int32_t retain_graph) {
  return guarded<int32_t>(-1, [&] {
    torch::autograd::variable_list r, g;
    for (int32_t k = 0; k < n; k++) {
      r.push_back(ref(roots[k]));
      g.push_back(gradients && gradients[k] ? ref(gradients[k]) : at::Tensor());
    }
    torch::autograd::backward(r, g, retain_graph != 0);
    return 0;
  });
}

// out[k] = d(sum of roots * gradients)/d inputs[k]; null where an input is not used.
SMT_API int32_t smt_autograd_grad(const smt_tensor* roots, const smt_tensor* gradients, int32_t n, const smt_tensor* inputs,
                                  int32_t m, int32_t retain_graph, int32_t create_graph, smt_tensor* out) {
  return guarded<int32_t>(-1, [&] {
    torch::autograd::variable_list r, g, in;
    for (int32_t k = 0; k < n; k++) {
      r.push_back(ref(roots[k]));
      g.push_back(gradients && gradients[k] ? ref(gradients[k]) : at::Tensor());
    }
    for (int32_t k = 0; k < m; k++) in.push_back(ref(inputs[k]));
    auto result = torch::autograd::grad(r, in, g, retain_graph != 0, create_graph != 0, /*allow_unused=*/true);
    for (int32_t k = 0; k < m; k++) out[k] = result[k].defined() ? give(result[k]) : nullptr;
    return 0;
  });
}

SMT_API int32_t smt_grad_enabled() { return c10::GradMode::is_enabled(); }

// Returns the previous mode of this thread.
SMT_API int32_t smt_set_grad_enabled(int32_t enabled) {
  bool previous = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(enabled != 0);
  return previous;
}

// ---- generators ---------------------------------------------------------------------------------------------------

SMT_API smt_generator smt_generator_new(const char* device, uint64_t seed) {
  return guarded<smt_generator>(nullptr, [&]() -> smt_generator {
    c10::Device d{std::string(device)};
    auto g = d.is_cpu() ? at::detail::createCPUGenerator(seed)
                        : at::globalContext().defaultGenerator(d).clone();
    auto owned = std::make_unique<at::Generator>(std::move(g));
    std::lock_guard<std::mutex> lock(owned->mutex());
    owned->set_current_seed(seed);
    return owned.release();
  });
}

SMT_API void smt_generator_free(smt_generator g) {
  guarded<int>(0, [&] { delete static_cast<at::Generator*>(g); return 0; });
}

SMT_API int32_t smt_generator_seed(smt_generator g, uint64_t seed) {
  return guarded<int32_t>(-1, [&] {
    auto* generator = static_cast<at::Generator*>(g);
    std::lock_guard<std::mutex> lock(generator->mutex());
    generator->set_current_seed(seed);
    return 0;
  });
}

// The state as a uint8 CPU tensor.
SMT_API smt_tensor smt_generator_state(smt_generator g) {
  return guarded<smt_tensor>(nullptr, [&] {
    auto* generator = static_cast<at::Generator*>(g);
    std::lock_guard<std::mutex> lock(generator->mutex());
    return give(generator->get_state());
  });
}

SMT_API int32_t smt_generator_set_state(smt_generator g, smt_tensor state) {
  return guarded<int32_t>(-1, [&] {
    auto* generator = static_cast<at::Generator*>(g);
    std::lock_guard<std::mutex> lock(generator->mutex());
    generator->set_state(ref(state));
    return 0;
  });
}

// ---- the machine --------------------------------------------------------------------------------------------------

SMT_API int32_t smt_set_threads(int32_t n) {
  return guarded<int32_t>(-1, [&] {
    at::set_num_threads(n);
    // OpenBLAS keeps threads of its own, which libtorch does not tell; they yield in a loop while they wait
    auto* blas = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
    if (blas) blas(n);
    return 0;
  });
}

SMT_API int32_t smt_threads() { return at::get_num_threads(); }

SMT_API int32_t smt_cuda_devices() {
  return guarded<int32_t>(0, [&] { return static_cast<int32_t>(torch::cuda::device_count()); });
}

SMT_API int32_t smt_cuda_synchronize() {
  return guarded<int32_t>(-1, [&] { torch::cuda::synchronize(); return 0; });
}

// cuDNN picks the fastest algorithm per shape; matrix products may use TF32.
SMT_API int32_t smt_cuda_fast_math(int32_t on) {
  return guarded<int32_t>(-1, [&] {
    auto& context = at::globalContext();
    context.setBenchmarkCuDNN(on != 0);
    context.setAllowTF32CuDNN(on != 0);
    context.setAllowTF32CuBLAS(on != 0);
    return 0;
  });
}
