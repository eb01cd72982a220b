// The memory traffic of an Adam step and next to nothing else, for benchmarks: four streams read, three written, 28
// bytes an element.
//
//   parameters <- moment1    moment1 <- moment2    moment2 <- max(parameters, gradients)
//
// Every load is used, and the one maximum a vector is the only operation: nothing that a faster core could do better.
// Plain stores, one vector of each stream at a time: unrolling (2, 4 vectors), prefetching (0.5 to 4 KiB ahead), huge
// pages and 64-byte alignment were measured to change nothing beyond noise, from 16,000 to 64 million elements, and
// non-temporal stores took 1.3 times as long beyond the caches and 8 times inside them.
#include "bench/cpu/stream_ceiling.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

void move_streams(const StreamPiece& piece);  // called through native/bench/cpu/stream_ceiling.cc

void move_streams(const StreamPiece& piece) {
  std::size_t i = 0;
  for (; i + kVectorWidth <= piece.size; i += kVectorWidth) {
    const Vector gradient = load(piece.gradients + i);
    const Vector parameter = load(piece.parameters + i);
    const Vector moment1 = load(piece.moment1 + i);
    const Vector moment2 = load(piece.moment2 + i);
    store(piece.parameters + i, moment1);
    store(piece.moment1 + i, moment2);
    store(piece.moment2 + i, max(parameter, gradient));
  }
  if (i == piece.size) return;
  const std::size_t rest = piece.size - i;
  const Vector gradient = load_partial(piece.gradients + i, rest);
  const Vector parameter = load_partial(piece.parameters + i, rest);
  const Vector moment1 = load_partial(piece.moment1 + i, rest);
  const Vector moment2 = load_partial(piece.moment2 + i, rest);
  store_partial(piece.parameters + i, moment1, rest);
  store_partial(piece.moment1 + i, moment2, rest);
  store_partial(piece.moment2 + i, max(parameter, gradient), rest);
}

}  // namespace ganno::GANNO_TIER
