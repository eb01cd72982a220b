// Softmax cross-entropy with its gradient: one row of logits at a time, sums in sixteen virtual lanes so that every
// tier adds in the same order.
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/transcendental.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

namespace {

GANNO_INLINE Vector load_logits(const float* row, std::int64_t at, std::int64_t classes) {
  const std::int64_t left = classes - at;
  const std::int64_t lanes = left < 0 ? 0 : left < kVectorWidth ? left : kVectorWidth;
  return select(first_lanes(static_cast<std::size_t>(lanes)), load(row + at), set1(-3.0e38f));
}

}  // namespace

void softmax_cross_entropy(const float* logits, std::int64_t rows, std::int64_t row, std::int64_t classes,
                           const std::uint8_t* labels, float scale, float* losses, std::uint8_t* correct,
                           float* gradient) {
  const std::int64_t padded = (classes + 15) / 16 * 16;
  float differences[kVectorWidth] = {};  // largest logit minus the label's, of the rows whose logarithm is due
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* z = logits + r * row;
    // A label beyond the classes can only come from memory that changed under us: never an address out of the row.
    const std::int64_t label = labels[r] < classes ? labels[r] : classes - 1;
    Vector highest = load_logits(z, 0, classes);
    for (std::int64_t c = kVectorWidth; c < padded; c += kVectorWidth)
      highest = max(load_logits(z, c, classes), highest);
    const float top = maximum(highest);
    Vector lanes[kVectorsPer16];
    for (int v = 0; v < kVectorsPer16; ++v) lanes[v] = zero();
    for (std::int64_t c = 0; c < padded; c += 16) {
      for (int v = 0; v < kVectorsPer16; ++v) {
        const std::int64_t at = c + v * kVectorWidth;
        const Vector e = exponential(load_logits(z, at, classes) - set1(top));
        lanes[v] = lanes[v] + e;
        if (gradient != nullptr) store(gradient + r * row + at, e);
      }
    }
    const float sum = static_cast<float>(fold16(lanes));
    if (gradient != nullptr) {
      const Vector share = set1(scale / sum);
      float* g = gradient + r * row;
      for (std::int64_t c = 0; c < padded; c += kVectorWidth) store(g + c, load(g + c) * share);
      g[label] -= scale;
    }
    correct[r] = z[label] == top ? 1 : 0;
    // Ties count for the first class only, as argmax does.
    for (std::int64_t c = 0; c < label && correct[r] != 0; ++c) correct[r] = z[c] == top ? 0 : 1;
    losses[r] = sum;
    differences[r % kVectorWidth] = top - z[label];
    if ((r + 1) % kVectorWidth != 0 && r + 1 != rows) continue;
    const std::int64_t first = r / kVectorWidth * kVectorWidth;
    const auto count = static_cast<std::size_t>(r + 1 - first);
    store_partial(losses + first, logarithm(load_partial(losses + first, count)) + load(differences), count);
  }
}

}  // namespace ganno::GANNO_TIER
