// Gloo's collectives on raw memory behind a plain C ABI: libsmtgloo.so (src/SmtWeb.Torch/Distributed/Gloo.cs). The ranks find each other
// through a key-value store that the caller brings as two functions.
#include <gloo/allreduce.h>
#include <gloo/broadcast.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#define SMT_API extern "C" __attribute__((visibility("default")))

// Waits for the value of a key and copies at most `capacity` bytes of it; its whole length, or -1 when it does not come in time.
using store_get = int64_t (*)(void* store, const char* key, char* to, int64_t capacity);
// 0, or -1 when the store is gone
using store_set = int32_t (*)(void* store, const char* key, const char* value, int64_t bytes);

namespace {

class caller_store : public gloo::rendezvous::Store {
 public:
  caller_store(void* store, store_get get, store_set set) : store_(store), get_(get), set_(set) {}

  void set(const std::string& key, const std::vector<char>& data) override {
    if (set_(store_, key.c_str(), data.data(), static_cast<int64_t>(data.size())) != 0) throw std::runtime_error("the store of the ranks is gone");
  }

  std::vector<char> get(const std::string& key) override {
    std::vector<char> value(4096);
    for (;;) {
      auto length = get_(store_, key.c_str(), value.data(), static_cast<int64_t>(value.size()));
      if (length < 0) throw std::runtime_error("a rank did not come in time (no '" + key + "' in the store)");
      const bool whole = static_cast<size_t>(length) <= value.size();
      value.resize(static_cast<size_t>(length));
      if (whole) return value;
    }
  }

  void wait(const std::vector<std::string>& keys) override {
    for (auto& key : keys) get(key);
  }

  void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds&) override { wait(keys); }

 private:
  void* store_;
  store_get get_;
  store_set set_;
};

struct group {
  std::shared_ptr<gloo::rendezvous::Context> context;
};

template <typename T>
void all_reduce(group& g, void* data, int64_t count) {
  gloo::AllreduceOptions options(g.context);
  options.setOutput(static_cast<T*>(data), static_cast<size_t>(count));
  options.setReduceFunction(static_cast<void (*)(void*, const void*, const void*, size_t)>(&gloo::sum<T>));
  gloo::allreduce(options);
}

// Runs the body; an exception becomes its text in `error` and the result -1.
template <typename Body>
int32_t guarded(char* error, int64_t capacity, Body body) {
  const char* text = "an unknown error";
  std::string kept;
  try {
    body();
    return 0;
  } catch (const std::exception& e) {
    kept = e.what();
    text = kept.c_str();
  } catch (...) {
  }
  if (capacity > 0) {
    std::strncpy(error, text, static_cast<size_t>(capacity) - 1);
    error[capacity - 1] = 0;
  }
  return -1;
}

}  // namespace

// Joins as `rank` of `size` on the network interface that has `address`; returns when all are connected, or null.
SMT_API void* smt_gloo_new(int32_t rank, int32_t size, const char* address, int64_t timeout_ms, void* store, store_get get, store_set set, char* error, int64_t capacity) {
  group* result = nullptr;
  guarded(error, capacity, [&] {
    auto made = std::make_unique<group>();
    gloo::transport::tcp::attr attr(address);
    std::shared_ptr<gloo::transport::Device> device = gloo::transport::tcp::CreateDevice(attr);
    made->context = std::make_shared<gloo::rendezvous::Context>(rank, size);
    made->context->setTimeout(std::chrono::milliseconds(timeout_ms));
    caller_store meeting(store, get, set);
    made->context->connectFullMesh(meeting, device);
    result = made.release();
  });
  return result;
}

// Sums `count` numbers over the ranks, in place. type: 0 float32, 1 float64, 2 int32, 3 int64
SMT_API int32_t smt_gloo_all_reduce(void* g, void* data, int64_t count, int32_t type, char* error, int64_t capacity) {
  return guarded(error, capacity, [&] {
    auto& peers = *static_cast<group*>(g);
    switch (type) {
      case 0: return all_reduce<float>(peers, data, count);
      case 1: return all_reduce<double>(peers, data, count);
      case 2: return all_reduce<int32_t>(peers, data, count);
      case 3: return all_reduce<int64_t>(peers, data, count);
      default: throw std::runtime_error("no sum of elements of type " + std::to_string(type));
    }
  });
}

// Gives every rank the bytes of rank `root`.
SMT_API int32_t smt_gloo_broadcast(void* g, void* data, int64_t bytes, int32_t root, char* error, int64_t capacity) {
  return guarded(error, capacity, [&] {
    gloo::BroadcastOptions options(static_cast<group*>(g)->context);
    options.setOutput(static_cast<uint8_t*>(data), static_cast<size_t>(bytes));
    options.setRoot(root);
    gloo::broadcast(options);
  });
}

// Breaks the connections: the other ranks' calls fail.
SMT_API void smt_gloo_free(void* g) {
  auto* peers = static_cast<group*>(g);
  guarded(nullptr, 0, [&] { peers->context->closeConnections(); });
  guarded(nullptr, 0, [&] { delete peers; });
}
