// Process groups of libtorch's c10d (TCP store; Gloo on CPUs, NCCL on GPUs where it was there at compile time) and the
// exchange of gradients between ranks, in buckets that leave while the backward pass still runs.
#include "shared.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/torch.h>
#include <torch/version.h>

#ifdef SMT_GLOO
#ifndef USE_C10D_GLOO // some builds of libtorch define it for their users
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef SMT_NCCL
#ifndef USE_C10D_NCCL
#define USE_C10D_NCCL
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#if defined(SMT_GLOO) || defined(SMT_NCCL)
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#define SMT_C10D
#endif

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {

using smt::guarded;
using smt::ref;

}  // namespace

#ifdef SMT_C10D

namespace {

// what offers the collectives is called ProcessGroup in 1.x and Backend in 2.x
#if TORCH_VERSION_MAJOR >= 2
using group_base = c10d::Backend;
#else
using group_base = c10d::ProcessGroup;
#endif
using work_ptr = c10::intrusive_ptr<c10d::Work>;

struct group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<group_base> backend;
};

bool is_loopback(const std::string& host) { return host == "localhost" || host.rfind("127.", 0) == 0 || host == "::1"; }

c10::intrusive_ptr<group_base> make_backend(const std::string& name, const c10::intrusive_ptr<c10d::Store>& store, const std::string& host, int rank, int size,
                                            std::chrono::milliseconds timeout) {
#ifdef SMT_GLOO
  if (name == "gloo") {
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->threads = 2;
    // ranks of one machine talk over its loopback address, whatever its name resolves to
    options->devices.push_back(is_loopback(host) ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1") : c10d::ProcessGroupGloo::createDefaultDevice());
    return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
  }
#endif
#ifdef SMT_NCCL
  if (name == "nccl") {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = timeout;
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
  }
#endif
  TORCH_CHECK(false, "this build has no backend '", name, "'");
}

// Gradients of one flat buffer, averaged over the ranks. Bucket k leaves when the gradients of its parameters are
// complete and bucket k-1 has left: every rank sends in the same order, whatever the order in which its backward pass ends.
struct reducer : std::enable_shared_from_this<reducer> {
  std::shared_ptr<group> peers;
  at::Tensor flat;
  std::vector<int64_t> start, length;  // of each bucket in flat, in the order in which they leave
  std::vector<int64_t> bucket_of; // per parameter
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators;
  std::vector<uintptr_t> hooks;
  std::vector<int64_t> missing;
  std::vector<char> seen;
  std::vector<work_ptr> works;
  size_t next = 0;
  bool armed = false;
  std::string misuse;
  std::mutex lock;

  size_t buckets() const { return start.size(); }

  void send(size_t k) {
    std::vector<at::Tensor> part{flat.narrow(0, start[k], length[k])};
    works.push_back(peers->backend->allreduce(part));
  }

  void arm() {
    std::lock_guard<std::mutex> hold(lock);
    missing.assign(buckets(), 0);
    for (auto b : bucket_of) missing[b]++;
    seen.assign(bucket_of.size(), 0);
    next = 0;
    works.clear();
    misuse.clear();
    armed = true;
  }

  void ready(size_t parameter) {
    std::lock_guard<std::mutex> hold(lock);
    if (!armed) return;
    if (seen[parameter]) {
      misuse = "two backward passes reached the same parameter between two steps; exchange the gradients without overlap";
      return;
    }
    seen[parameter] = 1;
    missing[bucket_of[parameter]]--;
    at::NoGradGuard no_grad;
    while (next < buckets() && missing[next] == 0) send(next++);
  }

  void finish() {
    std::unique_lock<std::mutex> hold(lock);
    at::NoGradGuard no_grad;
    if (!armed) works.clear();
    const bool bad = armed && !misuse.empty();
    for (size_t k = armed ? next : 0; k < buckets(); k++) send(k);
    armed = false;
    for (auto& work : works) work->wait();
    works.clear();
    TORCH_CHECK(!bad, misuse);
    flat.mul_(1.0 / peers->backend->getSize());
  }
};

}  // namespace

SMT_API int32_t smt_process_group_has(const char* backend) {
  std::string name(backend);
#ifdef SMT_GLOO
  if (name == "gloo") return 1;
#endif
#ifdef SMT_NCCL
  if (name == "nccl") return 1;
#endif
  return 0;
}

SMT_API smt_store smt_store_new(const char* host, int32_t port, int32_t serve, int64_t timeout_ms) {
  return guarded<smt_store>(nullptr, [&]() -> smt_store {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = serve != 0;
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(timeout_ms);
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    options.useLibUV = false;  // its default since 2.4, which Debian's 2.6 is built without
#endif
    return new c10::intrusive_ptr<c10d::TCPStore>(c10::make_intrusive<c10d::TCPStore>(std::string(host), options));
  });
}

SMT_API int32_t smt_store_port(smt_store s) { return (*static_cast<c10::intrusive_ptr<c10d::TCPStore>*>(s))->getPort(); }

SMT_API void smt_store_free(smt_store s) {
  guarded<int>(0, [&] { delete static_cast<c10::intrusive_ptr<c10d::TCPStore>*>(s); return 0; });
}

SMT_API smt_process_group smt_process_group_new(const char* backend, smt_store store, const char* host, int32_t rank, int32_t size, int64_t timeout_ms) {
  return guarded<smt_process_group>(nullptr, [&]() -> smt_process_group {
    TORCH_CHECK(size > 0 && rank >= 0 && rank < size, "rank ", rank, " is not one of ", size);
    auto peers = std::make_shared<group>();
    // groups of two backends meet at one store: each has its own keys
    peers->store = c10::make_intrusive<c10d::PrefixStore>(std::string(backend) + "/", *static_cast<c10::intrusive_ptr<c10d::TCPStore>*>(store));
    peers->backend = make_backend(backend, peers->store, host, rank, size, std::chrono::milliseconds(timeout_ms));
    return new std::shared_ptr<group>(std::move(peers));
  });
}

SMT_API void smt_process_group_free(smt_process_group g) {
  guarded<int>(0, [&] { delete static_cast<std::shared_ptr<group>*>(g); return 0; });
}

// Sums over the ranks, in place; returns when it is done.
SMT_API int32_t smt_all_reduce(smt_process_group g, smt_tensor t) {
  return guarded<int32_t>(-1, [&] {
    std::vector<at::Tensor> tensors{ref(t)};
    (*static_cast<std::shared_ptr<group>*>(g))->backend->allreduce(tensors)->wait();
    return 0;
  });
}

// Makes every rank's tensor that of rank `root`; returns when it is done.
SMT_API int32_t smt_broadcast(smt_process_group g, smt_tensor t, int32_t root) {
  return guarded<int32_t>(-1, [&] {
    std::vector<at::Tensor> tensors{ref(t)};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    (*static_cast<std::shared_ptr<group>*>(g))->backend->broadcast(tensors, options)->wait();
    return 0;
  });
}

SMT_API smt_reducer smt_reducer_new(smt_process_group g, smt_tensor flat, const smt_tensor* parameters, const int64_t* bucket_of, int32_t n, const int64_t* start,
                                    const int64_t* length, int32_t buckets) {
  return guarded<smt_reducer>(nullptr, [&]() -> smt_reducer {
    auto r = std::make_shared<reducer>();
    r->peers = *static_cast<std::shared_ptr<group>*>(g);
    r->flat = ref(flat);
    r->start.assign(start, start + buckets);
    r->length.assign(length, length + buckets);
    r->bucket_of.assign(bucket_of, bucket_of + n);
    for (int32_t k = 0; k < n; k++) {
      auto accumulator = torch::autograd::impl::grad_accumulator(ref(parameters[k]));
      TORCH_CHECK(accumulator, "parameter ", k, " needs no gradient");
      // the hook must not keep the reducer: it would keep its own accumulator
      std::weak_ptr<reducer> weak = r;
      r->hooks.push_back(accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
          [weak, k](const torch::autograd::variable_list& outputs, const torch::autograd::variable_list&) {
            if (auto live = weak.lock()) live->ready(k);
            return outputs;
          })));
      r->accumulators.push_back(std::move(accumulator));
    }
    return new std::shared_ptr<reducer>(std::move(r));
  });
}

SMT_API int32_t smt_reducer_arm(smt_reducer r) {
  return guarded<int32_t>(-1, [&] { (*static_cast<std::shared_ptr<reducer>*>(r))->arm(); return 0; });
}

SMT_API int32_t smt_reducer_finish(smt_reducer r) {
  return guarded<int32_t>(-1, [&] { (*static_cast<std::shared_ptr<reducer>*>(r))->finish(); return 0; });
}

SMT_API void smt_reducer_free(smt_reducer r) {
  guarded<int>(0, [&] {
    auto* owned = static_cast<std::shared_ptr<reducer>*>(r);
    for (size_t k = 0; k < (*owned)->hooks.size(); k++) (*owned)->accumulators[k]->del_post_hook((*owned)->hooks[k]);
    delete owned;
    return 0;
  });
}

#else

namespace {
constexpr const char* no_c10d = "this libtorch was built without distributed support (no c10d)";
}

SMT_API int32_t smt_process_group_has(const char*) { return 0; }
SMT_API smt_store smt_store_new(const char*, int32_t, int32_t, int64_t) { smt::last_error = no_c10d; return nullptr; }
SMT_API int32_t smt_store_port(smt_store) { return 0; }
SMT_API void smt_store_free(smt_store) {}
SMT_API smt_process_group smt_process_group_new(const char*, smt_store, const char*, int32_t, int32_t, int64_t) { smt::last_error = no_c10d; return nullptr; }
SMT_API void smt_process_group_free(smt_process_group) {}
SMT_API int32_t smt_all_reduce(smt_process_group, smt_tensor) { smt::last_error = no_c10d; return -1; }
SMT_API int32_t smt_broadcast(smt_process_group, smt_tensor, int32_t) { smt::last_error = no_c10d; return -1; }
SMT_API smt_reducer smt_reducer_new(smt_process_group, smt_tensor, const smt_tensor*, const int64_t*, int32_t, const int64_t*, const int64_t*, int32_t) { smt::last_error = no_c10d; return nullptr; }
SMT_API int32_t smt_reducer_arm(smt_reducer) { smt::last_error = no_c10d; return -1; }
SMT_API int32_t smt_reducer_finish(smt_reducer) { smt::last_error = no_c10d; return -1; }
SMT_API void smt_reducer_free(smt_reducer) {}

#endif
