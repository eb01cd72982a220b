// Where the gradients between layers lie. In a plain chain one sample's are enough until the first dense layer: two
// buffers in turn. Batch norm needs the whole batch's before any of its input's, and so does an image that two branches
// read. Such gradients share buffers: those of a sum and of its addend are the same numbers, and what is not needed
// at the same time takes the same memory.
#include <algorithm>
#include <numeric>

#include "cpu/network/plan.h"

namespace ganno {

namespace {

/// Gradients of the whole batch that are the same numbers: a sum's and its addend's.
struct SharedGradient {
  std::vector<std::size_t> tensors;
  std::int64_t values = 0;  // of one sample
  // Backward runs from the last node to the first, sample by sample between two batch norms: in use from the node that
  // writes it first down to the end of the stretch that reads it last.
  std::size_t from = 0, to = 0;
};

struct Buffer {
  std::size_t in_use_to = 0;
  std::int64_t values = 0;
  std::vector<const SharedGradient*> gradients;
};

/// Every image's first one among those it shares its gradient with.
class Groups {
 public:
  explicit Groups(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }
  std::size_t of(std::size_t i) const {
    while (parent_[i] != i) i = parent_[i];
    return i;
  }
  void join(std::size_t a, std::size_t b) { parent_[std::max(of(a), of(b))] = std::min(of(a), of(b)); }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace

void NetworkPlan::plan_gradients() {
  for (std::size_t i = std::max<std::size_t>(dense_begin, 1); i < tensors.size(); ++i) {
    tensors[i].gradient = reserve(capacity * tensors[i].sample);
    tensors[i].gradient_sample = tensors[i].sample;
  }

  // Tensors before dense_begin whose gradient is needed for the whole batch.
  std::vector<bool> whole(dense_begin + 1);
  Groups groups(dense_begin + 1);
  for (std::size_t n = 0; n < dense_begin; ++n) {
    const Node& node = nodes[n];
    if (node.kind == LayerKind::kBatchNorm) whole[n + 1] = true;
    if (node.input != n) whole[node.input] = true;
    if (node.addend < 0) continue;
    whole[n + 1] = true;
    groups.join(n + 1, static_cast<std::size_t>(node.addend));
  }
  std::vector<SharedGradient> shared(dense_begin + 1);
  for (std::size_t i = 1; i <= dense_begin; ++i) {
    const std::size_t group = groups.of(i);
    if (group != i) whole[group] = whole[group] || whole[i];
    SharedGradient& gradient = shared[group];
    if (gradient.tensors.empty()) gradient.to = batch_norm_before(i - 1);
    gradient.tensors.push_back(i);
    gradient.values = std::max(gradient.values, tensors[i].padded_values());
  }
  for (std::size_t n = 0; n < dense_begin; ++n) {
    SharedGradient& gradient = shared[groups.of(nodes[n].input)];
    gradient.from = std::max(gradient.from, n);
  }

  std::int64_t scratch_values = 0;
  std::vector<const SharedGradient*> order;
  for (const SharedGradient& gradient : shared) {
    if (gradient.tensors.empty()) continue;
    if (gradient.tensors.back() == dense_begin) {
      for (const std::size_t i : gradient.tensors) {
        tensors[i].gradient = tensors[dense_begin].gradient;
        tensors[i].gradient_sample = tensors[dense_begin].gradient_sample;
      }
    } else if (whole[gradient.tensors.front()]) {
      order.push_back(&gradient);
    } else {
      scratch_values = std::max(scratch_values, gradient.values);
    }
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->from > b->from; });
  std::vector<Buffer> buffers;
  for (const SharedGradient* gradient : order) {
    auto free = std::find_if(buffers.begin(), buffers.end(),
                             [&](const Buffer& buffer) { return buffer.in_use_to > gradient->from; });
    if (free == buffers.end()) free = buffers.insert(buffers.end(), Buffer{});
    free->in_use_to = gradient->to;
    free->values = std::max(free->values, gradient->values);
    free->gradients.push_back(gradient);
  }
  for (const Buffer& buffer : buffers) {
    const std::size_t offset = reserve(capacity * buffer.values);
    for (const SharedGradient* gradient : buffer.gradients) {
      for (const std::size_t i : gradient->tensors) {
        tensors[i].gradient = offset;
        tensors[i].gradient_sample = gradient->values;
      }
    }
  }
  const std::size_t scratch[2] = {reserve(scratch_values), reserve(scratch_values)};
  for (const SharedGradient& gradient : shared) {
    if (gradient.tensors.empty() || gradient.tensors.back() == dense_begin || whole[gradient.tensors.front()]) continue;
    for (const std::size_t i : gradient.tensors) tensors[i].gradient = scratch[i % 2];
  }
}

}  // namespace ganno
