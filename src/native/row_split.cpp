// Two halves of a batch on two halves of the CPU. One operator of a small network is too short to be worth two threads:
// they spend their time meeting each other, and where a neighbour takes one core away, oneDNN's barrier in the weight
// gradient waits for it, for up to a second. Two threads that each take half of the rows through the whole network
// meet once a pass.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <ATen/Parallel.h>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <omp.h>
#include <thread>
#include "shared.h"

namespace smt {

using torch::autograd::variable_list;

void use_threads(int n) {
  at::get_num_threads();  // the first call on a thread takes the process-wide number; it must not come after ours
  omp_set_num_threads(n);
}

// A thread that lives as long as the process and does one thing at a time.
class Companion {
 public:
  static Companion& get() {
    static auto* one = new Companion;  // never destroyed: it may be waiting when the process ends
    return *one;
  }

  // Runs `here` on this thread and `there` on the companion; both must have ended when this returns or throws.
  void both(int threads, const std::function<void()>& here, const std::function<void()>& there) {
    std::lock_guard<std::mutex> turn(turn_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = &there;
      threads_ = threads;
      failure_ = nullptr;
    }
    wake_.notify_one();
    std::exception_ptr mine;
    try { here(); } catch (...) { mine = std::current_exception(); }
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return job_ == nullptr; });
    if (mine) std::rethrow_exception(mine);
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Companion() {
    std::thread([this] {
      std::unique_lock<std::mutex> lock(mutex_);
      for (;;) {
        wake_.wait(lock, [&] { return job_ != nullptr; });
        auto* job = job_;
        lock.unlock();
        std::exception_ptr failure;
        try { use_threads(threads_); (*job)(); } catch (...) { failure = std::current_exception(); }
        lock.lock();
        failure_ = failure;
        job_ = nullptr;
        done_.notify_one();
      }
    }).detach();
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  const std::function<void()>* job_ = nullptr;
  std::exception_ptr failure_;
  int threads_ = 1;
};

// Joins the halves' results; backwards it sends each half its rows of the gradient and adds what they give the parameters.
struct JoinRows : torch::autograd::Node {
  at::Tensor result[2];
  variable_list leaves[2];      // the halves' own inputs; undefined where an input needs no gradient
  variable_list parameters;

  variable_list apply(variable_list&& gradients) override {
    const auto n = leaves[0].size();
    auto rows = result[0].size(0);
    variable_list found[2];
    auto half = [&](int k) {
      variable_list wanted;
      for (auto& leaf : leaves[k]) if (leaf.defined()) wanted.push_back(leaf);
      wanted.insert(wanted.end(), parameters.begin(), parameters.end());
      auto g = k == 0 ? gradients[0].narrow(0, 0, rows) : gradients[0].narrow(0, rows, gradients[0].size(0) - rows);
      found[k] = torch::autograd::grad({result[k]}, wanted, {g}, /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
    };
    Companion::get().both(at::get_num_threads(), [&] { half(0); }, [&] { half(1); });
    variable_list out(n + parameters.size());
    size_t next = 0;
    for (size_t k = 0; k < n; k++)
      if (leaves[0][k].defined()) {
        auto &a = found[0][next], &b = found[1][next];
        next++;
        if (a.defined() && b.defined()) out[k] = at::cat({a, b});
      }
    std::vector<at::Tensor*> sums, others;
    int64_t numbers = 0;
    for (size_t k = 0; k < parameters.size(); k++, next++) {
      auto &a = found[0][next], &b = found[1][next];
      if (a.defined() && b.defined()) { sums.push_back(&(out[n + k] = std::move(a))); others.push_back(&b); numbers += b.numel(); }
    }
    // what both halves found for the parameters is added on both threads again
    size_t middle = 0;
    for (int64_t so_far = 0; middle < sums.size() && 2 * so_far < numbers; middle++) so_far += others[middle]->numel();
    auto add = [&](size_t from, size_t to) {
      at::NoGradGuard none;
      for (size_t k = from; k < to; k++)
        if (alone(*sums[k])) sums[k]->add_(*others[k]); else *sums[k] = *sums[k] + *others[k];
    };
    Companion::get().both(at::get_num_threads(), [&] { add(0, middle); }, [&] { add(middle, sums.size()); });
    release_variables();
    return out;
  }

  // whether nothing else sees this memory
  static bool alone(const at::Tensor& t) { return t.use_count() == 1 && t.storage().use_count() == 1 && t.is_non_overlapping_and_dense(); }

  void release_variables() override {
    for (int k = 0; k < 2; k++) { result[k].reset(); leaves[k].clear(); }
  }
};

}  // namespace smt

// Threads that operators called from this thread may use, from now on.
SMT_API int32_t smt_set_thread_share(int32_t n) {
  return smt::guarded<int32_t>(-1, [&] { smt::use_threads(n); return 0; });
}

// The rows of two halves as one tensor that knows its history: originals[k] and the parameters that need a gradient.
// halves[0..m) and halves[m..2m) are the detached inputs that the two results were computed from.
SMT_API smt_tensor smt_join_rows(const smt_tensor* results, const smt_tensor* originals, const smt_tensor* halves, int32_t m,
                                 const smt_tensor* parameters, int32_t p) {
  return smt::guarded<smt_tensor>(nullptr, [&] {
    auto node = std::shared_ptr<smt::JoinRows>(new smt::JoinRows, torch::autograd::deleteNode);
    torch::autograd::edge_list edges;
    at::Tensor joined;
    {
      at::NoGradGuard none;
      joined = at::cat({smt::ref(results[0]), smt::ref(results[1])});
    }
    if (!smt::ref(results[0]).requires_grad()) return smt::give(joined);
    for (int32_t k = 0; k < m; k++) {
      bool wanted = originals[k] && smt::ref(originals[k]).requires_grad();
      for (int h = 0; h < 2; h++) node->leaves[h].push_back(wanted ? smt::ref(halves[h * m + k]) : at::Tensor());
      edges.push_back(wanted ? torch::autograd::impl::gradient_edge(smt::ref(originals[k])) : torch::autograd::Edge());
    }
    for (int32_t k = 0; k < p; k++) {
      auto& parameter = smt::ref(parameters[k]);
      if (!parameter.requires_grad()) continue;
      node->parameters.push_back(parameter);
      edges.push_back(torch::autograd::impl::gradient_edge(parameter));
    }
    node->result[0] = smt::ref(results[0]);
    node->result[1] = smt::ref(results[1]);
    node->set_next_edges(std::move(edges));
    torch::autograd::create_gradient_edge(joined, node);
    return smt::give(joined);
  });
}
