// Which gradients of activations share memory. Backward goes from the last node to the first, each on the whole batch:
// an image's gradient is in use from the last node that reads the image, which writes it first, to the node that made
// it.
#include <algorithm>
#include <numeric>

#include "cuda/network/plan.h"

namespace ganno::cuda {

void Plan::plan_gradients() {
  const std::size_t images = shape.images.size();
  // A sum's gradient is also that of its addend; a flattened image is the image.
  std::vector<std::size_t> same(images), first_use(images);
  std::iota(same.begin(), same.end(), std::size_t{0});
  std::vector<int> readers(images);
  deferred.assign(images, false);
  first_use.back() = shape.nodes.size();  // the loss
  for (std::size_t n = 0; n < shape.nodes.size(); ++n) {
    const NodeShape& node = shape.nodes[n];
    deferred[node.input] = ++readers[node.input] > 1;
    first_use[node.input] = n;
    if (node.kind == LayerKind::kFlatten) same[n + 1] = same[node.input];
    if (node.addend < 0) continue;
    const auto addend = static_cast<std::size_t>(node.addend);
    ++readers[addend];
    deferred[addend] = true;
    first_use[addend] = std::max(first_use[addend], n);
    same[n + 1] = same[addend];
  }
  for (std::size_t i = 0; i < images; ++i) first_use[same[i]] = std::max(first_use[same[i]], first_use[i]);
  for (std::size_t n = shape.nodes.size(); n-- > 0;) {
    const NodeShape& node = shape.nodes[n];
    if (node.kind != LayerKind::kFlatten && node.kind != LayerKind::kDropout) continue;
    if (deferred[n + 1]) deferred[node.input] = true;
    // Where dropout is off, its output's gradient lies where its input's does.
    first_use[same[node.input]] = std::max(first_use[same[node.input]], first_use[same[n + 1]]);
  }

  struct Buffer {
    std::size_t in_use_to = 0;
    std::int64_t values = 0;
    std::vector<std::size_t> images;
  };
  std::vector<std::size_t> order;
  std::vector<std::size_t> last(images);  // the latest image with the same gradient
  for (std::size_t i = 1; i < images; ++i) {
    last[same[i]] = i;
    if (same[i] == i) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return first_use[a] > first_use[b]; });
  std::vector<Buffer> buffers;
  for (const std::size_t image : order) {
    if (last[image] <= shape.first_trainable) continue;  // nothing needs it
    auto free = std::find_if(buffers.begin(), buffers.end(),
                             [&](const Buffer& buffer) { return buffer.in_use_to > first_use[image]; });
    if (free == buffers.end()) free = buffers.insert(buffers.end(), Buffer{});
    free->in_use_to = image - 1;
    free->values = std::max(free->values, capacity * shape.images[image].values());
    free->images.push_back(image);
  }
  gradients.assign(images, -1);
  for (const Buffer& buffer : buffers) {
    const std::int64_t offset = reserve(buffer.values);
    for (const std::size_t image : buffer.images) gradients[image] = offset;
  }
  for (std::size_t i = 0; i < images; ++i) gradients[i] = gradients[same[i]];
}

}  // namespace ganno::cuda
